"""Granting: nobody gives away rights that they do not hold."""

from reconcile.model.requests import User
from tests.unit.components.apiserver.access.test_rbac import RBAC, bind, role, rule

BOSS = User(name="boss", groups=("system:authenticated",))
GROUPS = '(groups=["system:authenticated"])'


def body(kind, name, **others):
    return {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": {"name": name}} | others


def test_an_administrator_gives_what_he_holds_and_no_more(server):
    bind(server, "b", ("ClusterRole", "admin"), ("User", "boss"))
    rules = [rule(["secrets"], ["get", "list"]), rule(["pods/log"], ["get"])]
    assert server("create", f"roles.{RBAC}", "default", body=body("Role", "r", rules=rules), user=BOSS).code == 201
    rules = [
        rule(["nodes", "pods"], ["list", "get"]),
        rule(["resourcequotas"], ["create"]),
        rule(["widgets"], ["*"], ["example.com"], ["w"]),
    ]
    refused = server("create", f"roles.{RBAC}", "default", body=body("Role", "x", rules=rules), user=BOSS)
    assert (refused.code, refused.reason) == (403, "Forbidden")
    assert refused.body.message == (
        f'roles.{RBAC} "x" is forbidden: user "boss" {GROUPS} is attempting to grant RBAC permissions not currently'
        " held:\n"
        '{APIGroups:[""], Resources:["nodes"], Verbs:["list" "get"]}\n'
        '{APIGroups:[""], Resources:["resourcequotas"], Verbs:["create"]}\n'
        '{APIGroups:["example.com"], Resources:["widgets"], ResourceNames:["w"], Verbs:["*"]}'
    )
    more = {"rules": [rule(["nodes"], ["get"])]}
    assert server("patch", f"roles.{RBAC}", "default", "r", more, BOSS).code == 403
    # What the garbage collector changes needs no right of the rules.
    role(server, "strong", rule(["nodes"], ["get"]))
    freed = {"metadata": {"finalizers": ["example.com/x"]}}
    assert server("patch", f"roles.{RBAC}", "default", "strong", freed, BOSS).code == 200
    assert server("patch", f"roles.{RBAC}", "default", "strong", {"metadata": {"labels": {"a": "b"}}}, BOSS).code == 403


def test_bindings_of_more_need_the_verb_bind(server):
    bind(server, "b", ("ClusterRole", "admin"), ("User", "boss"))
    subjects = [{"kind": "User", "name": "friend"}]

    def binding(name, kind="ClusterRole"):
        return body("RoleBinding", f"of-{name}", roleRef={"kind": kind, "name": name}, subjects=subjects)

    def made(name, kind="ClusterRole"):
        return server("create", f"rolebindings.{RBAC}", "default", body=binding(name, kind), user=BOSS)

    assert made("view").code == 201
    refused = made("cluster-admin")
    assert refused.code == 403
    assert refused.body.message == (
        f'rolebindings.{RBAC} "of-cluster-admin" is forbidden: user "boss" {GROUPS} is attempting to grant RBAC'
        ' permissions not currently held:\n{APIGroups:["*"], Resources:["*"], Verbs:["*"]}\n'
        '{NonResourceURLs:["*"], Verbs:["*"]}'
    )
    missing = made("none", "Role")
    assert (missing.code, missing.body.message) == (404, f'rolebindings.{RBAC} "none" not found')
    role(server, "binder", rule(["clusterroles"], ["bind"], [RBAC], ["cluster-admin"]))
    bind(server, "binder", ("Role", "binder"), ("User", "boss"))
    assert made("cluster-admin").code == 201


def test_the_verb_escalate(server):
    role(server, "r", rule(["roles"], ["create", "escalate"], [RBAC]))
    bind(server, "r", ("Role", "r"), ("User", "boss"))
    rules = [rule(["nodes"], ["*"])]
    assert server("create", f"roles.{RBAC}", "default", body=body("Role", "x", rules=rules), user=BOSS).code == 201


def test_who_gathers_rules_must_hold_all(server):
    role(server, "c", rule(["clusterroles"], ["create"], [RBAC]), namespace="")
    bind(server, "c", ("ClusterRole", "c"), ("User", "boss"), namespace="")
    gathers = {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}
    wanted = body("ClusterRole", "x", aggregationRule=gathers)
    said = server("create", f"clusterroles.{RBAC}", body=wanted, user=BOSS).body.message
    assert said.endswith("must have cluster-admin privileges to use the aggregationRule")
