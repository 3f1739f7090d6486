"""Bootstrap: the access rules with which every cluster begins."""

from reconcile.api.convert import dump
from reconcile.api.rbac_v1 import PolicyRule
from reconcile.components.apiserver import Grant, founded
from reconcile.model.requests import User

RBAC = "rbac.authorization.k8s.io"
START = 1_767_225_600 * 10**9


def test_the_objects_are_those_of_kubernetes():
    store = founded(START)
    counts = {key.partition(".")[0]: len(table) for key, table in store.tables.items()}
    assert counts == {"clusterroles": 69, "clusterrolebindings": 50, "roles": 7, "rolebindings": 7}
    role = dump(store.get(f"clusterroles.{RBAC}", "system:kube-dns"))
    assert role["rules"] == [{"apiGroups": [""], "resources": ["endpoints", "services"], "verbs": ["list", "watch"]}]
    assert role["metadata"]["labels"] == {"kubernetes.io/bootstrapping": "rbac-defaults"}
    assert role["metadata"]["annotations"] == {"rbac.authorization.kubernetes.io/autoupdate": "true"}
    binding = dump(store.get(f"clusterrolebindings.{RBAC}", "system:controller:job-controller"))
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "job-controller", "namespace": "kube-system"}]
    assert binding["roleRef"]["name"] == "system:controller:job-controller"
    signer = dump(store.get(f"rolebindings.{RBAC}", "kube-system/system::extension-apiserver-authentication-reader"))
    assert signer["roleRef"] == {
        "apiGroup": RBAC,
        "kind": "Role",
        "name": "extension-apiserver-authentication-reader",
    }
    assert [each["name"] for each in signer["subjects"]] == ["system:kube-controller-manager", "system:kube-scheduler"]
    assert store.get(f"clusterrolebindings.{RBAC}", "system:node").subjects is None


def test_aggregated_roles_have_what_they_gather():
    store = founded(START)
    view, edit, admin = [set(store.get(f"clusterroles.{RBAC}", name).rules) for name in ("view", "edit", "admin")]
    assert view < edit < admin
    assert set(store.get(f"clusterroles.{RBAC}", "system:aggregate-to-edit").rules) <= edit


def test_a_gate_that_is_on_gives_rights():
    gated, usual = founded(START, gates=("GenericWorkload", "HPAScaleToZero")), founded(START)
    roles = f"clusterroles.{RBAC}"
    more = {
        name: [rule for rule in gated.get(roles, name).rules if rule not in usual.get(roles, name).rules]
        for name in ("view", "edit", "admin", "system:kube-scheduler", "cluster-admin")
    }
    assert {name: len(rules) for name, rules in more.items()} == {
        "view": 1,
        "edit": 2,
        "admin": 2,
        "system:kube-scheduler": 2,
        "cluster-admin": 0,
    }
    keeper = "system:controller:podgroup-protection-controller"
    assert usual.get(roles, keeper) is None
    assert len(gated.get(roles, keeper).rules) == 2
    assert gated.get(f"clusterrolebindings.{RBAC}", keeper).subjects[0].name == "podgroup-protection-controller"


def test_they_are_made_once():
    assert founded(START) is founded(START)
    assert founded(START + 10**9) is not founded(START)


def test_grants():
    rules = (PolicyRule(verbs=("get",), api_groups=("",), resources=("pods",)),)
    robot = User(name="system:serviceaccount:kube-system:robot")
    store = founded(START, (Grant("a", robot, rules), Grant("b", User(name="bob"))))
    assert store.get("serviceaccounts", "kube-system/robot") is not None
    assert store.get(f"clusterroles.{RBAC}", "a").rules == rules
    assert store.get(f"clusterroles.{RBAC}", "b") is None
    binding = store.get(f"clusterrolebindings.{RBAC}", "b")
    assert (binding.role_ref.name, binding.subjects[0].kind, binding.subjects[0].name) == (
        "cluster-admin",
        "User",
        "bob",
    )
