"""
Belonging: namespaces with their content, owners and finalizers by hand, load balancers of a cloud.

Takes:    nothing.
Gives:    `THEMES`.
"""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from reconcile.lib.instant import SECOND
from reconcile.testing.moves import Adopt, Declare, Move, Wait
from reconcile.testing.programs.words import (
    SPACE,
    STEADY,
    Theme,
    gone,
    named,
    owning,
    template,
)
from reconcile.testing.programs.world import LOOSE

# Namespaces, owners and finalizers


def _settled(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.just(gone(declared[0])),
        st.sampled_from(declared).map(Declare),
        st.sampled_from(declared).map(Declare),
        st.sampled_from((SECOND, 3 * SECOND, 10 * SECOND)).map(Wait),
    )


@st.composite
def _housed(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    replicas = draw(st.sampled_from((1, 2)))
    owner = owning(template("crew", draw(STEADY), terminationGracePeriodSeconds=3), replicas=replicas)
    return (
        named("Namespace", "team"),
        named("ConfigMap", "plan", space="team", data={"a": "b"}),
        named("Deployment", "crew", owner, version="apps/v1", space="team"),
        named("Service", "crew", {"selector": {"app": "crew"}, "ports": [{"port": 80}]}, space="team"),
    )


def _declared_again(declared: tuple[dict[str, Any], ...]) -> tuple[Move, ...]:
    return (Wait(30 * SECOND), *map(Declare, declared))


_FAMILY: Final = tuple([named("ConfigMap", name, space=LOOSE, data={}) for name in ("parent", "child", "grandchild")])
_CREW: Final = named(
    "Deployment", "crew", owning(template("crew", "web:3"), replicas=2), version="apps/v1", space=LOOSE
)
_HELD: Final = "example.com/held"


def _related(_: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    cascades = st.sampled_from(("", "foreground", "orphan"))
    held = st.sampled_from(_FAMILY).map(lambda each: Declare(_holding(each)))
    family = st.sampled_from(_FAMILY)
    adopted = st.sampled_from((("child", "parent"), ("grandchild", "child"), ("grandchild", "parent")))
    return st.one_of(
        adopted.map(lambda pair: Adopt("ConfigMap", pair[0], "ConfigMap", pair[1], LOOSE)),
        st.just(Adopt("ConfigMap", "child", "Deployment", "crew", LOOSE)),
        st.builds(gone, st.sampled_from((*_FAMILY, _CREW)), cascades),
        st.builds(gone, st.just(_CREW), cascades),
        held,
        family.map(Declare),
        st.just(Declare(_CREW)),
        st.sampled_from((SECOND, 3 * SECOND)).map(Wait),
    )


def _holding(manifest: dict[str, Any]) -> dict[str, Any]:
    return {**manifest, "metadata": {**manifest["metadata"], "finalizers": [_HELD]}}


def _let_go(_: tuple[dict[str, Any], ...]) -> tuple[Move, ...]:
    return tuple(map(Declare, _FAMILY))


# Services of a cloud


def _balancer(kind: str) -> dict[str, Any]:
    return named("Service", "front", {"type": kind, "selector": {"app": "front"}, "ports": [{"port": 80}]})


def _balancing(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    other = {**declared[0], "metadata": {"name": "back"}}
    return st.one_of(
        st.sampled_from(("ClusterIP", "LoadBalancer", "NodePort")).map(lambda kind: Declare(_balancer(kind))),
        st.sampled_from((declared[0], other)).map(gone),
        st.sampled_from((declared[0], other)).map(Declare),
        st.sampled_from((SECOND, 4 * SECOND, 12 * SECOND)).map(Wait),
    )


THEMES: Final[dict[str, Theme]] = {
    "namespaces": Theme(_housed(), _settled, _declared_again),
    "owners": Theme(st.just((SPACE, *_FAMILY, _CREW)), _related, _let_go),
    "balancers": Theme(st.just((_balancer("LoadBalancer"),)), _balancing),
}
