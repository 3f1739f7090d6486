"""
Scaling: autoscalers under load, budgets with evictions and drains, rollouts and rollbacks, quotas.

Takes:    nothing.
Gives:    `THEMES`.
"""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from reconcile.lib.instant import SECOND
from reconcile.testing.moves import Declare, Resize, Wait, Wander
from reconcile.testing.programs.words import (
    DRAINS,
    SPACE,
    STEADY,
    UNCORDONED,
    UNCORDONS,
    Theme,
    changed,
    errand,
    gone,
    named,
    owning,
    reimaged,
    template,
)
from reconcile.testing.programs.world import LOOSE

# Autoscalers under load


@st.composite
def _autoscaled(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    service = named("Service", "shop", {"selector": {"app": "shop"}, "ports": [{"port": 80}]}, space=LOOSE)
    made = template("shop", "shop:1", requests={"cpu": "100m"})
    owner = named("Deployment", "shop", owning(made), version="apps/v1", space=LOOSE)
    return SPACE, service, owner, draw(_autoscalers())


@st.composite
def _autoscalers(draw: st.DrawFn) -> dict[str, Any]:
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": draw(_SHARES)}},
    }
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
        "minReplicas": draw(st.sampled_from((1, 2))),
        "maxReplicas": draw(st.sampled_from((6, 8, 3, 12))),
        "metrics": [metric],
    }
    if draw(st.sampled_from((True, True, False))):
        window = {"stabilizationWindowSeconds": draw(st.sampled_from((0, 15, 60)))}
        up, down = ({**window, **draw(_RATES)} for _ in range(2))
        spec["behavior"] = {"scaleUp": up, "scaleDown": down}
    return named("HorizontalPodAutoscaler", "shop", spec, version="autoscaling/v2", space=LOOSE)


_SHARES: Final = st.sampled_from((50, 30, 80))
_POLICIES: Final = st.builds(
    lambda kind, value, period: {"type": kind, "value": value, "periodSeconds": period},
    st.sampled_from(("Pods", "Percent")),
    st.sampled_from((1, 2, 50)),
    st.sampled_from((60, 90, 30)),
)
_RATES: Final = st.builds(
    lambda policies, select: {"policies": policies, "selectPolicy": select},
    st.lists(_POLICIES, min_size=1, max_size=2, unique_by=str),
    st.sampled_from(("Max", "Min")),
)


def _autoscaling(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    waits = st.sampled_from((30, 60, 120, 180)).map(lambda seconds: Wait(seconds * SECOND))
    return st.one_of(waits, waits, waits, _autoscalers().map(Declare), st.just(reimaged(declared[2], "web:3")))


# Budgets, evictions and drains


@st.composite
def _budgeted(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    kind = draw(st.sampled_from(("Deployment", "StatefulSet", "ReplicaSet")))
    made = template("guarded", draw(STEADY), terminationGracePeriodSeconds=5)
    more = {"serviceName": "guarded", "podManagementPolicy": "Parallel"} if kind == "StatefulSet" else {}
    owner = owning(made, replicas=draw(st.sampled_from((3, 4, 2))), **more)
    return named(kind, "guarded", owner, version="apps/v1"), draw(_budgets())


@st.composite
def _budgets(draw: st.DrawFn) -> dict[str, Any]:
    word = draw(st.sampled_from(("maxUnavailable", "minAvailable")))
    spec = {"selector": {"matchLabels": {"app": "guarded"}}, word: draw(st.sampled_from((1, 2, "50%", 0)))}
    return named("PodDisruptionBudget", "guarded", spec, version="policy/v1")


_BETWEEN: Final = st.one_of(
    st.builds(Wander, st.integers(1, 40), st.integers(0, 2**16)), st.sampled_from((SECOND, 2 * SECOND)).map(Wait)
)


def _evicting(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    owner = declared[0]
    return st.one_of(
        DRAINS,
        st.tuples(DRAINS, _BETWEEN, DRAINS),
        st.tuples(DRAINS, _BETWEEN, DRAINS),
        UNCORDONS,
        st.sampled_from((SECOND, 6 * SECOND, 20 * SECOND)).map(Wait),
        st.builds(Resize, st.just(owner["kind"]), st.just("guarded"), st.sampled_from((2, 3, 5))),
    )


# Rollouts and rollbacks


@st.composite
def _rolled(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    amounts = draw(st.sampled_from(((1, 0), (1, 1), ("25%", "25%"), (0, 1), (2, 0))))
    rolling = {"rollingUpdate": {"maxSurge": amounts[0], "maxUnavailable": amounts[1]}}
    made = template("site", draw(STEADY), terminationGracePeriodSeconds=5)
    spec = owning(made, replicas=draw(st.sampled_from((3, 4, 2))), strategy=rolling)
    return (named("Deployment", "site", spec, version="apps/v1"),)


def _releasing(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    owner = declared[0]
    errands = ("rollout undo", "rollout restart", "rollout pause", "rollout resume", "rollout undo")
    return st.one_of(
        st.sampled_from(("web:1", "web:3", "web:2")).map(lambda image: reimaged(owner, image)),
        st.sampled_from(("web:1", "web:3")).map(lambda image: errand(f"set image deployment/site main={image}")),
        st.sampled_from(errands).map(lambda words: errand(f"{words} deployment/site")),
        st.sampled_from((2, 3, 5)).map(lambda replicas: Resize("Deployment", "site", replicas)),
        st.sampled_from((SECOND, 4 * SECOND, 12 * SECOND)).map(Wait),
    )


# Quotas


@st.composite
def _quoted(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    hard = draw(
        st.sampled_from(({"pods": "4"}, {"requests.cpu": "500m", "pods": "5"}, {"count/configmaps": "3", "pods": "6"}))
    )
    made = template("counted", "web:3", requests={"cpu": "100m"})
    owner = named("ReplicaSet", "counted", owning(made, replicas=3), version="apps/v1", space=LOOSE)
    return SPACE, named("ResourceQuota", "limit", {"hard": hard}, space=LOOSE), owner


_NOTES: Final = tuple([named("ConfigMap", f"note-{number}", space=LOOSE, data={}) for number in range(3)])


def _counting(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    owner = declared[2]
    pods = [named("Pod", f"one-{number}", owner["spec"]["template"]["spec"], space=LOOSE) for number in range(3)]
    loose = (*pods, *_NOTES)
    return st.one_of(
        st.sampled_from(loose).map(Declare),
        st.sampled_from(loose).map(gone),
        st.sampled_from((1, 3, 5, 8)).map(lambda replicas: changed(owner, replicas=replicas)),
        st.sampled_from((SECOND, 6 * SECOND)).map(Wait),
    )


THEMES: Final[dict[str, Theme]] = {
    "autoscaling": Theme(_autoscaled(), _autoscaling),
    "rollouts": Theme(_rolled(), _releasing, lambda _: (errand("rollout resume deployment/site"),)),
    "budgets": Theme(_budgeted(), _evicting, lambda _: UNCORDONED),
    "quotas": Theme(_quoted(), _counting, lambda declared: (gone(declared[1]),)),
}
