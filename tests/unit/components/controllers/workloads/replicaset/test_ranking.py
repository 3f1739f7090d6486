import functools
import math

from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import core_v1
from reconcile.api.scalars import Time
from reconcile.components.controllers.workloads.replicaset.ranking import compare, deletion_cost, rank, to_delete
from reconcile.lib.instant import HOUR, SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from tests.unit.components.controllers import objects

NOW = 1_767_225_600 * SECOND


@st.composite
def pods(draw):
    found = []
    for number in range(draw(st.integers(2, 7))):
        made = objects.pod(
            f"p{number}",
            creation_timestamp=Time.at(NOW - draw(st.sampled_from([1, 3, 4, 600, 90_000])) * SECOND),
            annotations=draw(
                st.sampled_from([None, Map({"controller.kubernetes.io/pod-deletion-cost": "5"}), Map({"x": "y"})])
            ),
        )
        node = draw(st.sampled_from([None, "n1", "n2"]))
        since = Time.at(NOW - draw(st.sampled_from([1, 2, 3, 600])) * SECOND)
        ready = core_v1.PodCondition(
            type="Ready", status=draw(st.sampled_from(["True", "False"])), last_transition_time=since
        )
        status = core_v1.PodStatus(
            phase=draw(st.sampled_from(["Pending", "Unknown", "Running"])),
            conditions=(ready,),
            container_statuses=(
                core_v1.ContainerStatus(
                    name="main", image="i", image_id="i", ready=True, restart_count=draw(st.sampled_from([0, 3]))
                ),
            ),
        )
        found.append(replace(made, spec=replace(made.spec, node_name=node), status=status))
    return tuple(found)


def goes_before(one, other, on_node):
    """Compare two pods rule by rule, as the documentation lists them."""
    rules = (
        lambda pod: 0 if not pod.spec.node_name else 1,
        lambda pod: ["Pending", "Unknown", "Running"].index(pod.status.phase),
        lambda pod: 0 if pod.status.conditions[0].status == "False" else 1,
        lambda pod: int((pod.metadata.annotations or {}).get("controller.kubernetes.io/pod-deletion-cost", "0")),
        lambda pod: -on_node[pod.spec.node_name],
    )
    for rule in rules:
        if rule(one) != rule(other):
            return rule(one) - rule(other)
    if one.status.conditions[0].status == "True":
        ages = [(NOW - pod.status.conditions[0].last_transition_time.instant) for pod in (one, other)]
        if ages[0] != ages[1]:
            return by_power_then_uid(*ages, one, other)
    restarts = [pod.status.container_statuses[0].restart_count for pod in (one, other)]
    if restarts[0] != restarts[1]:
        return restarts[1] - restarts[0]
    ages = [(NOW - pod.metadata.creation_timestamp.instant) for pod in (one, other)]
    return by_power_then_uid(*ages, one, other) if ages[0] != ages[1] else 0


def by_power_then_uid(age, other_age, one, other):
    powers = [math.floor(math.log2(each)) for each in (age, other_age)]
    if powers[0] != powers[1]:
        return powers[0] - powers[1]
    return -1 if one.metadata.uid < other.metadata.uid else 1


@given(pods())
def test_ranks_as_the_rules_say_one_by_one(drawn):
    on_node = {}
    for pod in drawn:
        on_node[pod.spec.node_name] = on_node.get(pod.spec.node_name, 0) + 1
    for one in drawn:
        for other in drawn:
            found = compare(rank(one, on_node[one.spec.node_name]), rank(other, on_node[other.spec.node_name]), NOW)
            expected = goes_before(one, other, on_node)
            assert (found > 0) - (found < 0) == (expected > 0) - (expected < 0)
    # Of equal ones the last goes first.
    last_first = drawn[::-1]
    in_order = sorted(last_first, key=functools.cmp_to_key(lambda a, b: goes_before(a, b, on_node)))
    assert to_delete(drawn, drawn, 1, NOW) == (in_order[0],)
    assert to_delete(drawn, drawn, len(drawn), NOW) == drawn


def test_doubled_up_nodes_go_first():
    first, second, third = [
        replace(pod, spec=replace(pod.spec, node_name=node))
        for pod, node in zip(
            [objects.running(objects.pod(name), NOW - HOUR) for name in "abc"], ("n1", "n2", "n2"), strict=True
        )
    ]
    assert to_delete((first, second, third), (first, second, third), 1, NOW)[0] in (second, third)
    related = (objects.pod("x"), first, first, first)
    assert to_delete((first, second), related, 1, NOW) == (first,)


def test_cost_that_is_no_number_is_none():
    for text, cost in (("7", 7), ("-7", -7), ("+7", 0), ("07", 0), ("x", 0), ("2147483648", 0), ("9" * 50, 0)):
        annotated = objects.pod("p", annotations=Map({"controller.kubernetes.io/pod-deletion-cost": text}))
        assert deletion_cost(annotated) == cost
