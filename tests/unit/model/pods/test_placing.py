"""Placing, compared with how the scheduler says the same."""

from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import core_v1, meta_v1
from reconcile.components.scheduler.cache.nodes import room_of
from reconcile.components.scheduler.cache.wishes import wishes_of
from reconcile.components.scheduler.plugins import node_affinity, taint_toleration
from reconcile.lib.mapping import Map
from reconcile.model.pods import placing

KEYS, VALUES = st.sampled_from("ab"), st.sampled_from(("x", "y", "1", "2", "-3"))
OPERATORS = st.sampled_from(("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "What"))
requirements = st.builds(
    core_v1.NodeSelectorRequirement,
    key=KEYS,
    operator=OPERATORS,
    values=st.none() | st.lists(VALUES, max_size=2).map(tuple),
)
fields = st.builds(
    core_v1.NodeSelectorRequirement,
    key=st.just("metadata.name"),
    operator=st.sampled_from(("In", "NotIn")),
    values=st.sampled_from((("n",), ("m",))),
)
terms = st.builds(
    core_v1.NodeSelectorTerm,
    match_expressions=st.none() | st.lists(requirements, max_size=2).map(tuple),
    match_fields=st.none() | st.lists(fields, max_size=1).map(tuple),
)
affinities = st.lists(terms, min_size=1, max_size=2).map(
    lambda found: core_v1.Affinity(
        node_affinity=core_v1.NodeAffinity(
            required_during_scheduling_ignored_during_execution=core_v1.NodeSelector(node_selector_terms=tuple(found))
        )
    )
)
labels = st.dictionaries(KEYS, VALUES, max_size=2).map(Map)
effects = st.sampled_from(("NoSchedule", "NoExecute", "PreferNoSchedule"))
tolerations = st.builds(
    core_v1.Toleration,
    key=st.none() | KEYS,
    operator=st.sampled_from((None, "Equal", "Exists")),
    value=st.none() | VALUES,
    effect=st.none() | effects,
)
taints = st.builds(core_v1.Taint, key=KEYS, value=VALUES, effect=effects)


@given(st.none() | affinities, labels, labels, st.lists(tolerations, max_size=2), st.lists(taints, max_size=2))
def test_as_the_scheduler(affinity, selector, has, tolerated, tainted):
    spec = core_v1.PodSpec(
        containers=(core_v1.Container(name="c"),),
        affinity=affinity,
        node_selector=selector,
        tolerations=tuple([each for each in tolerated if each.key or each.operator == "Exists"]),
    )
    node = core_v1.Node(metadata=meta_v1.ObjectMeta(name="n", labels=has), spec=core_v1.NodeSpec(taints=tuple(tainted)))
    wishes, room = wishes_of(core_v1.Pod(spec=spec)), room_of(node)
    assert placing.attracts(spec, node) is node_affinity.attracted(wishes, room)
    kept_away = ("NoSchedule", "NoExecute")
    assert placing.tolerates_all(spec.tolerations, node.spec.taints, kept_away) is taint_toleration.tolerates(
        wishes, room
    )
