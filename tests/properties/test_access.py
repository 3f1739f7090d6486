"""RBAC against a second implementation that knows no tables, no memory and no order: it tries every path to a yes."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from reconcile.api.meta_v1 import ObjectMeta
from reconcile.api.rbac_v1 import ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject
from reconcile.components.apiserver.access import rbac
from reconcile.components.apiserver.access.rbac import BINDINGS, CLUSTER_BINDINGS, CLUSTER_ROLES, ROLES
from reconcile.components.apiserver.access.rules import Asked, uncovered
from reconcile.lib.mapping import Map
from reconcile.lib.table import Table
from reconcile.model.requests import key_of
from reconcile.store import Store
from reconcile.store.indexes import indexes_of

SPACES = ("", "a", "b")
NAMES = ("x", "y")
VERBS, GROUPS_OF_API = ("get", "list", "*"), ("", "apps", "*")
RESOURCES = ("pods", "pods/log", "*/log", "deployments", "*")
PATHS = ("/healthz", "/healthz/*", "/metrics", "*")


def some(words, least=1):
    return st.lists(st.sampled_from(words), min_size=least, max_size=2, unique=True).map(tuple)


RULES = st.one_of(
    st.builds(
        PolicyRule,
        verbs=some(VERBS),
        api_groups=some(GROUPS_OF_API),
        resources=some(RESOURCES),
        resource_names=st.one_of(st.none(), some(NAMES)),
    ),
    st.builds(PolicyRule, verbs=some(VERBS), non_resource_urls=some(PATHS)),
)
SUBJECTS = st.one_of(
    st.builds(Subject, kind=st.sampled_from(("User", "Group", "Robot")), name=st.sampled_from(("bob", "ops"))),
    st.builds(
        Subject, kind=st.just("ServiceAccount"), name=st.just("bot"), namespace=st.sampled_from((None, "a", "b"))
    ),
)
WHO = st.sampled_from(
    (("bob", ()), ("eve", ("ops",)), ("system:serviceaccount:a:bot", ()), ("system:serviceaccount:b:bot", ("bob",)))
)
REFERENCES = st.builds(RoleRef, kind=st.sampled_from(("Role", "ClusterRole")), name=st.sampled_from(NAMES))
OBJECTS = st.lists(
    st.tuples(
        st.sampled_from(SPACES),
        st.sampled_from(NAMES),
        st.one_of(st.lists(RULES, max_size=2).map(tuple), st.tuples(REFERENCES, st.lists(SUBJECTS, max_size=2))),
    ),
    max_size=8,
)


def stored(rows):
    """Make roles and bindings of the drawn rows, and a store of them."""
    objects = {}
    for space, name, what in rows:
        metadata = ObjectMeta(name=name, namespace=space or None)
        if what and isinstance(what[0], RoleRef):
            cls, resource = (RoleBinding, BINDINGS) if space else (ClusterRoleBinding, CLUSTER_BINDINGS)
            made = cls(metadata=metadata, role_ref=what[0], subjects=tuple(what[1]))
        else:
            cls, resource = (Role, ROLES) if space else (ClusterRole, CLUSTER_ROLES)
            made = cls(metadata=metadata, rules=what)
        objects[resource, key_of(made)] = made
    tables = {resource: Table(indexes_of(resource)) for resource in (ROLES, BINDINGS, CLUSTER_ROLES, CLUSTER_BINDINGS)}
    for (resource, key), made in objects.items():
        tables[resource] = tables[resource].set(key, made)
    return objects, Store(tables=Map(tables))


def naive(objects, who, space, asked):
    """Look for one binding that applies, of one role that is there, with one rule that allows."""
    name, groups = who
    for (resource, _), binding in objects.items():
        if resource not in (BINDINGS, CLUSTER_BINDINGS) or binding.metadata.namespace not in (None, space or None):
            continue
        home = binding.metadata.namespace
        mine = {("User", name), *[("Group", group) for group in groups]}
        for subject in binding.subjects:
            account = f"system:serviceaccount:{subject.namespace or home}:{subject.name}"
            if (subject.kind, subject.name) not in mine and (subject.kind != "ServiceAccount" or account != name):
                continue
            if binding.role_ref.kind == "ClusterRole":
                role = objects.get((CLUSTER_ROLES, binding.role_ref.name))
            else:
                role = objects.get((ROLES, f"{home}/{binding.role_ref.name}")) if home else None
            for rule in role.rules if role is not None else ():
                if naively_allows(rule, asked):
                    return True
    return False


def naively_allows(rule, asked):
    target = asked.resource + (f"/{asked.subresource}" if asked.subresource else "")
    wanted = {"*", target} | ({f"*/{asked.subresource}"} if asked.subresource else set())
    named = set(rule.resource_names or (asked.name,))
    return (
        bool({"*", asked.verb} & set(rule.verbs))
        and bool({"*", asked.group} & set(rule.api_groups or ()))
        and bool(wanted & set(rule.resources or ()))
        and asked.name in named
    )


ASKED = st.builds(
    Asked,
    verb=st.sampled_from(("get", "list", "watch")),
    group=st.sampled_from(("", "apps")),
    resource=st.sampled_from(("pods", "deployments")),
    subresource=st.sampled_from(("", "log")),
    name=st.sampled_from(("", "x", "y")),
)


@given(rows=OBJECTS, who=WHO, space=st.sampled_from(SPACES), asked=ASKED)
def test_what_is_stored_allows_what_a_naive_look_finds(rows, who, space, asked):
    objects, store = stored(rows)
    policy = rbac.policy_of(store)
    assert rbac.allowed(policy, *who, space, asked) is naive(objects, who, space, asked)


@given(held=st.lists(RULES, max_size=3).map(tuple), wanted=RULES, asked=ASKED)
def test_what_is_covered_allows_no_more(held, wanted, asked):
    """Whoever may give a rule away may do himself all that it allows; a sound check, if not the sharpest."""
    if not uncovered(held, (wanted,)) and naively_allows(wanted, asked):
        assert any(naively_allows(rule, asked) for rule in held)


def test_both_find_something():
    """Neither of the properties above is empty."""
    rule = PolicyRule(verbs=("get",), api_groups=("",), resources=("pods",))
    rows = [("", "x", (rule,)), ("a", "y", (RoleRef(kind="ClusterRole", name="x"), [Subject(kind="User", name="bob")]))]
    objects, store = stored(rows)
    found = {
        (space, verb): naive(objects, ("bob", ()), space, Asked(verb=verb, group="", resource="pods"))
        for space, verb in product(SPACES, ("get", "list"))
    }
    assert [place for place, yes in found.items() if yes] == [("a", "get")]
    assert rbac.allowed(rbac.policy_of(store), "bob", (), "a", Asked(verb="get", group="", resource="pods"))
    assert not uncovered((rule,), (rule,))
