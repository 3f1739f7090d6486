"""How far a recommendation is followed: windows, policies, bounds."""

import pytest

from reconcile.api import autoscaling_v2, convert
from reconcile.components.controllers.autoscaling.limits import limited, scaled
from reconcile.components.controllers.autoscaling.memory import History, Sample
from reconcile.lib.instant import MINUTE, SECOND

NOW = 1_767_225_600 * SECOND


def spec(most=100, **behavior):
    plain = {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": most}
    if behavior:
        usual = {"stabilizationWindowSeconds": 0, "selectPolicy": "Max"}
        ups = [
            {"type": "Pods", "value": 4, "periodSeconds": 15},
            {"type": "Percent", "value": 100, "periodSeconds": 15},
        ]
        downs = [{"type": "Percent", "value": 100, "periodSeconds": 15}]
        plain["behavior"] = {
            "scaleUp": {**usual, "policies": ups, **behavior.get("up", {})},
            "scaleDown": {**usual, "policies": downs, **behavior.get("down", {})},
        }
    return convert.load(plain, cls=autoscaling_v2.HorizontalPodAutoscalerSpec).object


def found(of, history, current, recommended, least=1):
    result = limited(of, history, current, recommended, least, NOW)
    return result.replicas, result.able[0], result.limited, result.why[0]


def ago(replicas, seconds):
    return Sample(replicas, NOW - seconds * SECOND)


@pytest.mark.parametrize(
    ("current", "recommended", "wanted"),
    [
        (2, 3, (3, "ReadyForNewScale", False, "DesiredWithinRange")),
        (1, 9, (4, "ReadyForNewScale", True, "ScaleUpLimit")),
        (5, 30, (10, "ReadyForNewScale", True, "ScaleUpLimit")),
        (30, 70, (50, "ReadyForNewScale", True, "TooManyReplicas")),
        (3, 1, (2, "ReadyForNewScale", True, "TooFewReplicas")),
    ],
)
def test_without_a_behavior(current, recommended, wanted):
    assert found(spec(50), History(), current, recommended, least=2) == wanted


def test_the_highest_of_five_minutes_counts_on_the_way_down():
    history = History(recommended=(ago(9, 301), ago(6, 300), ago(4, 10)))
    assert found(spec(), history, 6, 2) == (6, "ScaleDownStabilized", False, "DesiredWithinRange")
    assert limited(spec(), history, 6, 2, 1, NOW).history.recommended == (Sample(2, NOW), ago(6, 300), ago(4, 10))


def test_own_windows():
    both = spec(up={"stabilizationWindowSeconds": 60}, down={"stabilizationWindowSeconds": 60})
    history = History(recommended=(ago(5, 30), ago(1, 90)))
    assert found(both, history, 5, 8)[:2] == (5, "ScaleUpStabilized")
    assert found(both, history, 5, 2)[:2] == (5, "ScaleDownStabilized")
    assert found(both, History(), 5, 8)[:2] == (8, "ReadyForNewScale")


@pytest.mark.parametrize(
    ("rules", "history", "current", "recommended", "wanted"),
    [
        ({"up": {"selectPolicy": "Disabled"}}, History(), 3, 9, (3, True, "ScaleUpLimit")),
        ({"down": {"selectPolicy": "Disabled"}}, History(), 3, 1, (3, True, "ScaleDownLimit")),
        ({"up": {}}, History(), 3, 90, (7, True, "ScaleUpLimit")),
        ({"up": {}}, History(), 10, 90, (20, True, "ScaleUpLimit")),
        ({"up": {"selectPolicy": "Min"}}, History(), 10, 90, (14, True, "ScaleUpLimit")),
        ({"up": {}}, History(ups=(ago(4, 10),)), 7, 90, (7, True, "ScaleUpLimit")),
        ({"up": {}}, History(ups=(ago(4, 16),)), 7, 90, (14, True, "ScaleUpLimit")),
        ({"up": {}}, History(), 60, 110, (100, True, "TooManyReplicas")),
        (
            {"down": {"policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]}},
            History(),
            9,
            1,
            (7, True, "ScaleDownLimit"),
        ),
        (
            {"down": {"policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}]}},
            History(downs=(ago(1, 59),)),
            9,
            1,
            (9, True, "ScaleDownLimit"),
        ),
        ({"down": {}}, History(), 9, 0, (1, True, "TooFewReplicas")),
    ],
)
def test_policies(rules, history, current, recommended, wanted):
    replicas, _, is_limited, why = found(spec(**rules), history, current, recommended)
    assert (replicas, is_limited, why) == wanted


def test_what_was_done_is_remembered_as_long_as_a_policy_asks():
    of = spec(up={"policies": [{"type": "Pods", "value": 4, "periodSeconds": 60}]})
    history = scaled(of, History(ups=(ago(1, 61), ago(2, 59))), 3, 7, NOW)
    assert history.ups == (Sample(4, NOW), ago(2, 59))
    assert scaled(of, history, 7, 5, NOW).downs == (Sample(2, NOW),)
    assert scaled(spec(), History(), 3, 7, NOW) == History()


def test_a_window_of_its_own_is_upstreams_usual_one():
    of = spec(down={"stabilizationWindowSeconds": None})
    assert found(of, History(recommended=(Sample(8, NOW - 4 * MINUTE),)), 8, 2)[0] == 8
