"""How many replicas a metric asks for, by the cases of upstream's rule."""

import pytest

from reconcile.api import convert, core_v1
from reconcile.components.controllers.autoscaling.replicas import (
    Measured,
    Tolerances,
    Unknown,
    by_share,
    by_total,
    by_utilization,
    by_value,
)
from reconcile.lib.instant import MINUTE, SECOND, rfc3339

NOW = 1_767_225_600 * SECOND
USUAL = Tolerances()


def pod(name, *, request="1", phase="Running", ready="True", age=10 * MINUTE, since=None, going=False, containers=1):
    """Give a pod that started *age* ago, and whose readiness is what it is since then, or *since* so long."""
    resources = {"requests": {"cpu": request}} if request else {}
    metadata = {"name": name, "namespace": "default"}
    if going:
        metadata["deletionTimestamp"] = rfc3339(NOW)
    condition = {
        "type": "Ready",
        "status": ready,
        "lastTransitionTime": rfc3339(NOW - (age if since is None else since)),
    }
    plain = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {
            "containers": [{"name": f"c{place}", "image": "i", "resources": resources} for place in range(containers)]
        },
        "status": {"phase": phase, "startTime": rfc3339(NOW - age), "conditions": [condition]},
    }
    return convert.load(plain, cls=core_v1.Pod).object


def measured(*values, window=15 * SECOND, ago=SECOND):
    return {f"p{place}": Measured(value, NOW - ago, window) for place, value in enumerate(values) if value is not None}


def utilization(pods, values, target, current=None, tolerances=USUAL, container=""):  # noqa: PLR0917 -- as what it stands for
    current = len(pods) if current is None else current
    return by_utilization(pods, values, "cpu", target, current, tolerances, container, NOW)


@pytest.mark.parametrize(
    ("values", "target", "wanted"),
    [
        ((300, 500, 700), 30, (5, 50, 500)),  # 50 over 30: 1.67 times three
        ((300, 500, 700), 50, (3, 50, 500)),
        ((300, 500, 700), 46, (3, 50, 500)),  # 1.087: within a tenth
        ((300, 500, 700), 45, (4, 50, 500)),
        ((100, 100, 100), 50, (1, 10, 100)),
        ((0, 0, 0), 50, (0, 0, 0)),
    ],
)
def test_what_pods_use_of_what_they_ask_for(values, target, wanted):
    assert utilization([pod(f"p{place}") for place in range(3)], measured(*values), target) == wanted


def test_pods_that_are_unready_or_unknown_make_a_change_smaller():
    young = pod("p2", ready="False", age=MINUTE)
    pods = [pod("p0"), pod("p1"), young]
    # 900 of 1000 against 50: 1.8 times two would be four, but the third counts as idle: 1.2 times three.
    assert utilization(pods, measured(900, 900, 900), 50)[0] == 4
    assert utilization([pod("p0"), pod("p1"), pod("p2")], measured(900, 900), 50)[0] == 4
    # Fewer are asked for; of whom nothing is known counts as using all that it asks for: then there are more. So none.
    assert utilization([pod("p0"), pod("p1"), pod("p2")], measured(100, 100), 50)[0] == 3
    # An unready one does not count when there are to be fewer.
    assert utilization(pods, measured(100, 100, 900), 50)[0] == 1


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({}, True),
        ({"going": True}, False),
        ({"phase": "Failed"}, False),
        ({"phase": "Pending"}, False),
        ({"age": MINUTE, "ready": "False"}, False),
        ({"age": MINUTE, "since": 10 * SECOND}, False),  # a window has not passed since it became ready
        ({"age": MINUTE, "since": 20 * SECOND}, True),
        ({"age": 10 * MINUTE, "ready": "False", "since": MINUTE}, True),  # it was ready once
        ({"age": 10 * MINUTE, "ready": "False"}, False),  # it never was
    ],
)
def test_which_pods_count(fields, counts):
    pods = [pod("p0", **fields)]
    if counts:
        assert utilization(pods, measured(500), 50) == (1, 50, 500)
    else:
        with pytest.raises(Unknown, match="did not receive metrics for targeted pods"):
            utilization(pods, measured(500), 50)


@pytest.mark.parametrize(
    ("pods", "container", "said"),
    [
        ([], "", "no pods returned by selector while calculating replica count"),
        ([pod("p0", request="")], "", "missing request for cpu in container c0 of Pod p0"),
        ([pod("p0")], "other", "container other not found in Pod p0"),
        ([pod("p0", request="0")], "", "no metrics returned matched known pods"),
    ],
)
def test_what_cannot_be_told(pods, container, said):
    with pytest.raises(Unknown) as caught:
        utilization(pods, measured(500), 50, container=container)
    assert str(caught.value) == said


def test_one_container_alone():
    pods = [pod("p0", containers=2)]
    assert utilization(pods, measured(500), 50)[1] == 25
    assert utilization(pods, measured(500), 50, container="c1")[1] == 50


def test_own_tolerances():
    pods = [pod("p0"), pod("p1")]
    assert utilization(pods, measured(520, 520), 50, tolerances=Tolerances(0.1, 0.0))[0] == 3
    assert utilization(pods, measured(300, 300), 50, tolerances=Tolerances(0.5, 0.1))[0] == 2


def test_averages_of_values():
    pods = [pod("p0"), pod("p1")]
    assert by_value(pods, measured(20_000, 10_000), "", 10_000, 2, USUAL, NOW) == (3, 15_000)
    assert by_value(pods, measured(-3), "", 10, 2, USUAL, NOW) == (1, -3)


def test_one_value_for_all():
    pods = [pod("p0"), pod("p1", ready="False")]
    assert by_total(pods, 30, 10, 2, USUAL) == 3  # three times the one that is ready
    assert by_total(pods, 10, 10, 2, USUAL) == 2
    assert by_total([], 25, 10, 0, USUAL) == 3
    with pytest.raises(Unknown, match="unable to calculate ready pods: no pods returned"):
        by_total([], 30, 10, 2, USUAL)


def test_a_share_for_each():
    assert by_share(100, 25, 2, USUAL) == (4, 50)
    assert by_share(51, 25, 2, USUAL) == (2, 26)
    assert by_share(0, 25, 2, USUAL) == (0, 0)
    assert by_share(100, 25, 0, USUAL)[0] == 4
