"""RBAC: what stored roles and bindings let somebody do."""

import pytest

from reconcile.model.requests import User

KNOWN = "system:authenticated"
ACCOUNTS = ("system:serviceaccounts", "system:serviceaccounts:default", KNOWN)
BOB = User(name="bob", groups=("ops", KNOWN))
ROBOT = User(name="system:serviceaccount:default:robot", groups=ACCOUNTS)
RBAC = "rbac.authorization.k8s.io"


def rule(resources, verbs, groups=("",), names=None):
    return {"apiGroups": list(groups), "resources": resources, "verbs": verbs} | (
        {"resourceNames": names} if names else {}
    )


def role(server, name, *rules, namespace="default", labels=None):
    kind = "Role" if namespace else "ClusterRole"
    body = {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": {"name": name, "labels": labels}, "rules": [*rules]}
    return server.made(f"{kind.lower()}s.{RBAC}", body, namespace)


def bind(server, name, reference, *subjects, namespace="default"):
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    body = {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": {"name": name},
        "roleRef": {"kind": reference[0], "name": reference[1]},
        "subjects": [
            {"kind": each[0], "name": each[1]} | ({"namespace": each[2]} if each[2:] else {}) for each in subjects
        ],
    }
    return server.made(f"{kind.lower()}s.{RBAC}", body, namespace)


def may(server, user, verb, resource, namespace="default", *, name="", **others):
    return server(verb, resource, namespace, name, user=user, **others).code != 403


def test_a_role_is_of_its_namespace(server):
    role(server, "reader", rule(["pods"], ["get", "list"]))
    bind(server, "b", ("Role", "reader"), ("User", "bob"))
    assert may(server, BOB, "list", "pods")
    assert may(server, BOB, "get", "pods", name="x")
    assert not may(server, BOB, "watch", "pods")
    assert not may(server, BOB, "list", "pods", "kube-system")
    assert not may(server, BOB, "list", "pods", "")
    assert not may(server, BOB, "get", "pods", name="x", subresource="status")


def test_a_cluster_role_counts_where_it_is_bound(server):
    role(server, "reader", rule(["pods", "*/scale"], ["*"], ["", "apps"]), namespace="")
    bind(server, "b", ("ClusterRole", "reader"), ("Group", "ops"))
    assert may(server, BOB, "deletecollection", "pods")
    assert may(server, BOB, "get", "deployments.apps", name="x", subresource="scale")
    assert not may(server, BOB, "get", "deployments.apps", name="x")
    assert not may(server, BOB, "list", "pods", "")
    bind(server, "everywhere", ("ClusterRole", "reader"), ("Group", "ops"), namespace="")
    assert may(server, BOB, "list", "pods", "")


def test_names_bound_what_is_named(server):
    role(server, "one", rule(["configmaps"], ["get", "list", "create"], names=["mine"]))
    bind(server, "b", ("Role", "one"), ("User", "bob"))
    assert may(server, BOB, "get", "configmaps", name="mine")
    assert not may(server, BOB, "get", "configmaps", name="other")
    assert not may(server, BOB, "create", "configmaps")
    assert not may(server, BOB, "list", "configmaps")
    assert may(server, BOB, "list", "configmaps", field_selector="metadata.name=mine")


@pytest.mark.parametrize(
    ("subject", "fits"),
    [
        (("ServiceAccount", "robot"), True),
        (("ServiceAccount", "robot", "default"), True),
        (("ServiceAccount", "robot", "kube-system"), False),
        (("User", "system:serviceaccount:default:robot"), True),
        (("Group", "system:serviceaccounts:default"), True),
        (("User", "robot"), False),
    ],
)
def test_service_accounts(server, subject, fits):
    bind(server, "b", ("ClusterRole", "view"), subject)
    assert may(server, ROBOT, "list", "pods") is fits
    assert not may(server, ROBOT, "list", "secrets")


def test_a_binding_whose_role_is_gone_says_so(server):
    for name in ("one", "two"):
        role(server, name, rule(["pods"], ["get"]))
        bind(server, name, ("Role", name), ("User", "bob"))
        server("delete", f"roles.{RBAC}", "default", name)
    said = server("list", "pods", "default", user=BOB).body.message
    assert said == (
        'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default":'
        f' RBAC: [role.{RBAC} "one" not found, role.{RBAC} "two" not found]'
    )
    server("delete", f"rolebindings.{RBAC}", "default", "two")
    said = server("list", "pods", "default", user=BOB).body.message
    assert said.endswith(f': RBAC: role.{RBAC} "one" not found')


def test_what_is_forbidden_in_upstreams_words(server):
    said = server("create", "deployments.apps", "default", user=ROBOT).body.message
    assert said == (
        'deployments.apps is forbidden: User "system:serviceaccount:default:robot" cannot create resource'
        ' "deployments" in API group "apps" in the namespace "default"'
    )


def test_cluster_roles_gather_rules(server):
    label = {f"{RBAC}/aggregate-to-view": "true"}
    bind(server, "b", ("ClusterRole", "admin"), ("User", "bob"))
    assert not may(server, BOB, "list", "nodes", "")
    assert not may(server, BOB, "get", "leases.coordination.k8s.io", name="x", subresource="odd")
    extra = role(server, "odd", rule(["leases/odd"], ["get"], ["coordination.k8s.io"]), namespace="", labels=label)
    for gathering in ("view", "edit", "admin"):
        rules = server("get", f"clusterroles.{RBAC}", "", gathering).body.rules
        assert extra.rules[0] in rules
    assert may(server, BOB, "get", "leases.coordination.k8s.io", name="x", subresource="odd")
    before = server("get", f"clusterroles.{RBAC}", "", "admin").body.rules
    server("delete", f"clusterroles.{RBAC}", "", "odd")
    assert server("get", f"clusterroles.{RBAC}", "", "admin").body.rules == tuple(
        [each for each in before if each != extra.rules[0]]
    )
    # Somebody else's hand is undone at once.
    kept = server("get", f"clusterroles.{RBAC}", "", "view").body.rules
    body = {"rules": [rule(["pods"], ["get"])]}
    assert server("patch", f"clusterroles.{RBAC}", "", "view", body).body.rules == kept


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"rules": [{"verbs": [], "apiGroups": [""], "resources": ["pods"]}]}, "rules[0].verbs: Required value"),
        ({"rules": [{"verbs": ["get"], "resources": ["pods"]}]}, "rules[0].apiGroups: Required value"),
        ({"rules": [{"verbs": ["get"], "nonResourceURLs": ["/x"]}]}, "namespaced rules cannot apply"),
    ],
)
def test_rules_are_validated(server, body, said):
    whole = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": {"name": "x"}} | body
    assert said in server("create", f"roles.{RBAC}", "default", body=whole).body.message


def test_bindings_are_validated_and_keep_their_role(server):
    made = bind(server, "b", ("ClusterRole", "view"), ("User", "bob"))
    assert made.role_ref.api_group == made.subjects[0].api_group == RBAC
    said = server("patch", f"rolebindings.{RBAC}", "default", "b", {"roleRef": {"name": "edit"}}).body.message
    assert said.endswith("cannot change roleRef")
    whole = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "x"},
        "roleRef": {"kind": "Role", "name": "r"},
        "subjects": [{"kind": "ServiceAccount", "name": "robot"}, {"kind": "Robot", "name": "r"}],
    }
    said = server("create", f"clusterrolebindings.{RBAC}", body=whole).body.message
    assert "roleRef.kind: Unsupported value" in said
    assert "subjects[0].namespace: Required value" in said
    assert "subjects[1].kind: Unsupported value" in said


def test_a_namespace_is_looked_at_with_the_roles_in_it(server):
    said = server("get", "namespaces", name="default", user=BOB).body.message
    assert said == (
        'namespaces "default" is forbidden: User "bob" cannot get resource "namespaces" in API group "" in the'
        ' namespace "default"'
    )
    bind(server, "b", ("ClusterRole", "view"), ("User", "bob"))
    assert server("get", "namespaces", name="default", user=BOB).code == 200
    assert server("get", "namespaces", name="kube-system", user=BOB).code == 403
    assert server("list", "namespaces", user=BOB).code == 403


def test_a_list_of_one_name_that_is_forbidden_names_it(server):
    said = server("list", "pods", "default", user=BOB, field_selector="metadata.name=web").body.message
    assert said.startswith('pods "web" is forbidden: ')
