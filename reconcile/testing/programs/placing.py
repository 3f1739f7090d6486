"""
Placing: what depends on nodes: DaemonSets, taints, priorities, static pods.

Takes:    nothing.
Gives:    `THEMES`.
"""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from reconcile.api import convert
from reconcile.events import RemoveManifest, WriteManifest
from reconcile.lib.instant import SECOND
from reconcile.testing.moves import Declare, Move, Wait
from reconcile.testing.programs.words import (
    DRAINS,
    NODES,
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

# DaemonSets and taints


@st.composite
def _daemons(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    rolling = draw(
        st.sampled_from(
            ({"maxSurge": 1, "maxUnavailable": 0}, {"maxUnavailable": 1}, {"maxSurge": "50%", "maxUnavailable": 0})
        )
    )
    tolerations = draw(st.sampled_from(([], [{"key": "sick", "operator": "Exists"}])))
    made = template("agent", draw(STEADY), tolerations=tolerations, terminationGracePeriodSeconds=5)
    spec = owning(made, updateStrategy={"rollingUpdate": rolling})
    return (named("DaemonSet", "agent", spec, version="apps/v1"),)


TAINTS: Final = st.builds(
    lambda node, effect: errand(f"taint nodes {node} sick=yes:{effect} --overwrite"),
    st.sampled_from(NODES),
    st.sampled_from(("NoExecute", "NoSchedule")),
)
_HEALINGS: Final = st.sampled_from(NODES).map(lambda node: errand(f"taint nodes {node} sick-"))


def _healed(_: tuple[dict[str, Any], ...]) -> tuple[Move, ...]:
    return tuple([errand(f"taint nodes {node} sick-") for node in NODES])


def _rolling(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    owner = declared[0]
    return st.one_of(
        st.sampled_from(("web:1", "web:3", "slow:1")).map(lambda image: reimaged(owner, image)),
        st.sampled_from(("web:1", "web:3")).map(lambda image: reimaged(owner, image)),
        st.just(errand("rollout undo daemonset/agent")),
        st.just(errand("rollout restart daemonset/agent")),
        st.sampled_from(("", "foreground")).map(lambda cascade: gone(owner, cascade)),
        st.just(Declare(owner)),
        st.sampled_from((SECOND, 5 * SECOND, 15 * SECOND)).map(Wait),
        TAINTS,
        _HEALINGS,
    )


@st.composite
def _tainted(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    seconds = draw(st.sampled_from((0, 5, 30)))
    toleration = {"key": "sick", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}
    made = template("brave", draw(STEADY), tolerations=[toleration], terminationGracePeriodSeconds=5)
    spec = owning(made, replicas=draw(st.sampled_from((2, 3))))
    return (named("Deployment", "brave", spec, version="apps/v1"),)


def _tainting(_: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    waits = st.sampled_from((SECOND, 5 * SECOND, 20 * SECOND, 40 * SECOND)).map(Wait)
    return st.one_of(TAINTS, TAINTS, _HEALINGS, waits, DRAINS, UNCORDONS)


def _healed_and_open(declared: tuple[dict[str, Any], ...]) -> tuple[Move, ...]:
    return (*_healed(declared), *UNCORDONED)


# Priorities


@st.composite
def _ranked(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    policy = draw(st.sampled_from(("PreemptLowerPriority", "Never")))
    ranks = {"low": (1, "PreemptLowerPriority"), "high": (1000, policy)}
    found = [
        named("PriorityClass", name, version="scheduling.k8s.io/v1", value=value, preemptionPolicy=how)
        for name, (value, how) in ranks.items()
    ]
    for name, replicas in (("low", 4), ("high", draw(st.sampled_from((1, 2, 3))))):
        requests = {"cpu": draw(st.sampled_from(("2", "1500m", "3")))}
        made = template(name, draw(STEADY), requests=requests, priorityClassName=name)
        made["spec"]["terminationGracePeriodSeconds"] = 5
        found.append(named("ReplicaSet", name, owning(made, replicas=replicas), version="apps/v1", space=LOOSE))
    return SPACE, *found


def _ranking(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    low, high = declared[-2:]
    return st.one_of(
        st.sampled_from((0, 1, 3)).map(lambda replicas: changed(high, replicas=replicas)),
        st.sampled_from((2, 6)).map(lambda replicas: changed(low, replicas=replicas)),
        st.sampled_from((low, high)).map(gone),
        st.sampled_from((low, high)).map(Declare),
        st.sampled_from((SECOND, 5 * SECOND, 15 * SECOND)).map(Wait),
    )


# Static pods


def _static(name: str) -> Any:
    return convert.load(
        named("Pod", name, {"containers": [{"name": "main", "image": "web:3"}]}, space="default")
    ).object


def _written(_: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    hosts, names = st.sampled_from(NODES[1:]), st.sampled_from(("file", "disk"))
    return st.one_of(
        st.builds(WriteManifest, hosts, names.map(_static)),
        st.builds(RemoveManifest, hosts, names.map(lambda name: f"default/{name}")),
        st.sampled_from((SECOND, 6 * SECOND)).map(Wait),
    )


def _erased(_: tuple[dict[str, Any], ...]) -> tuple[Move, ...]:
    return tuple([RemoveManifest(host, f"default/{name}") for host in NODES[1:] for name in ("file", "disk")])


THEMES: Final[dict[str, Theme]] = {
    "daemons": Theme(_daemons(), _rolling, _healed),
    "taints": Theme(_tainted(), _tainting, _healed_and_open),
    "priorities": Theme(_ranked(), _ranking),
    "static pods": Theme(st.just(()), _written, _erased),
}
