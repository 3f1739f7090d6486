"""
Plugins of a user's own: what they are asked at each point of the scheduling framework, and what they may answer.

A plugin is a value; its functions are pure. What it goes by is what it is given: a `Turn`, which has the pod and a
`Snapshot` of what the scheduler knows. It is given to a cluster beside controllers of the user's own, and takes part
where a KubeSchedulerConfiguration names it, after Kubernetes' own plugins.

Takes:    a Turn, and at some points a Node.
Gives:    None where nothing speaks against the pod; else Unschedulable, or what the point asks for.
Source:   https://kubernetes.io/docs/concepts/scheduling-eviction/scheduling-framework/; its interfaces in Go.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import attrs

from reconcile.components.scheduler.cache.views import FIELDS, Views
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration
from reconcile.lib.mapping import Map
from reconcile.lib.table import Table
from reconcile.model.requests import Request

WATCHED: Final = ("nodes", *FIELDS)
"""The resources that a scheduler watches, whose changes may help a pod that waits."""


@attrs.frozen
class Unschedulable:
    """
    Why a pod cannot be scheduled so.

    Args:
        reason: as it is told in FailedScheduling.
        final: nothing that pods do, not even their preemption, would help.
    """

    reason: str
    final: bool = False


@attrs.frozen
class Wait:
    """A pod that has its node is to wait: until it is allowed when it is asked for again, but no longer than this."""

    longest: Duration


@attrs.frozen(kw_only=True)
class Narrowed:
    """
    What comes of a first look at a pod.

    Args:
        nodes: the names of the only nodes that are looked at; None for all.
        found: what the later points of this plugin get as `Turn.filtered`.
    """

    nodes: tuple[str, ...] | None = None
    found: Any = None


class Snapshot:
    """
    What a scheduler knows; it belongs to the call that is given it.

    Args:
        nodes: name -> Node.
        views: the informer caches.
        on: gives the pods that are on a node, those among them that are only about to be.
        waiting: (pod, name of its node) of those that wait to be permitted.
    """

    __slots__ = ("_on", "_views", "nodes", "waiting")

    def __init__(
        self,
        nodes: Table[str, Any],
        views: Views,
        on: Callable[[str], tuple[Any, ...]],
        waiting: tuple[tuple[Any, str], ...] = (),
    ) -> None:
        self.nodes = nodes
        self.waiting = waiting
        self._views = views
        self._on = on

    def pods_on(self, node: str) -> tuple[Any, ...]:
        """Give the pods that are on a node, or about to be."""
        return self._on(node)

    def changed(self, on: Callable[[str], tuple[Any, ...]]) -> Snapshot:
        """Give what would be known if other pods were on nodes."""
        return Snapshot(self.nodes, self._views, on, self.waiting)

    def objects(self, resource: str) -> Table[str, Any]:
        """Give the objects of a resource that a scheduler watches, by key; ReconcileError if it does not watch it."""
        if resource == "nodes":
            return self.nodes
        if resource not in FIELDS:
            raise ReconcileError(f"a scheduler does not watch {resource!r}; it watches {', '.join(WATCHED)}")
        found: Table[str, Any] = getattr(self._views, FIELDS[resource])
        return found


class Turn(NamedTuple):
    """
    A pod that is looked at.

    Args:
        pod: the pod.
        snapshot: what the scheduler knows.
        filtered: what this plugin found at `pre_filter`.
        scored: what this plugin found at `pre_score`.
    """

    pod: Any
    snapshot: Snapshot
    filtered: Any = None
    scored: Any = None


def _always(pod: Any, old: Any, new: Any) -> bool:  # noqa: ARG001 -- as hints are asked
    return True


@attrs.frozen
class On:
    """
    A change that may turn what a plugin said of a pod: a queueing hint.

    Args:
        resource: of what; one of `WATCHED`.
        helps: tells for a pod, and an object before and after (None for none), whether it may.
    """

    resource: str
    helps: Callable[[Any, Any, Any], bool] = _always


Says: TypeAlias = "Unschedulable | None"


@attrs.frozen(kw_only=True)
class Plugin:
    """
    A plugin. Each point that it has no function for is none of its own.

    Args:
        name: as a configuration names it.
        configured: gives the plugin as its arguments in `pluginConfig` say; None if it takes none.
        pre_enqueue: tells why a pod is not to be scheduled yet; asked when the pod comes, changes, or one of *events*
            happens. Its snapshot has no pods that wait.
        queue_sort: gives a pod's place in the queue as a number, the lower the sooner; of pods with one number who came
            first.
        pre_filter: looks at a pod before nodes are looked at.
        filter: tells why a node will not do.
        post_filter: for a pod that no node will do for, given why not (name -> reasons): the name of a node that is
            promised to it, and the keys of pods that are to be evicted for it; None for nothing. Asked if preemption
            has found nothing.
        pre_score: is given the names of the nodes that will do; what it gives is `Turn.scored`.
        score: how good a node is: 0 to 100, or anything that *normalize* makes so.
        normalize: gives scores of 0 to 100 for these; None if they are so already.
        reserve: is told that a pod is to have a node; may still refuse.
        permit: lets a pod that has a node be bound, refuses, or lets it wait. Those who wait are asked for again when
            something changes.
        pre_bind: is asked just before a pod is bound; may still refuse.
        bind: the request by which a pod is bound in place of the usual one, whose answer counts as its own; None leaves
            it to the next, and in the end to DefaultBinder.
        post_bind: what is asked of the API server once a pod is bound; nobody waits for the answers.
        events: what may help a pod that this plugin refused; None for every change of what is watched.
    """

    name: str
    configured: Callable[[Map[Any]], Plugin] | None = None
    pre_enqueue: Callable[[Turn], Says] | None = None
    queue_sort: Callable[[Any], int] | None = None
    pre_filter: Callable[[Turn], Narrowed | Unschedulable | None] | None = None
    filter: Callable[[Turn, Any], Says] | None = None
    post_filter: Callable[[Turn, Mapping[str, tuple[str, ...]]], tuple[str, tuple[str, ...]] | None] | None = None
    pre_score: Callable[[Turn, tuple[str, ...]], Any] | None = None
    score: Callable[[Turn, Any], int] | None = None
    normalize: Callable[[Turn, Mapping[str, int]], Mapping[str, int]] | None = None
    reserve: Callable[[Turn, Any], Says] | None = None
    permit: Callable[[Turn, Any], Wait | Unschedulable | None] | None = None
    pre_bind: Callable[[Turn, Any], Says] | None = None
    bind: Callable[[Turn, Any], Request | None] | None = None
    post_bind: Callable[[Turn, Any], tuple[Request, ...]] | None = None
    events: tuple[On, ...] | None = None

    def __attrs_post_init__(self) -> None:
        if not self.name or not isinstance(self.name, str):
            raise ReconcileError(f"plugin {self.name!r}: needs a name")
        for field in ("configured", *_FUNCTIONS.values(), "normalize"):
            given = getattr(self, field)
            if given is not None and not callable(given):
                raise ReconcileError(f"plugin {self.name}: {field}: {given!r} is no function")
        for each in self.events or ():
            if not isinstance(each, On):
                raise ReconcileError(f"plugin {self.name}: events: {each!r} is no On(RESOURCE)")
            if each.resource not in WATCHED:
                known = ", ".join(WATCHED)
                raise ReconcileError(f"plugin {self.name}: events: {each.resource!r} is not watched; there are {known}")
        if self.normalize is not None and self.score is None:
            raise ReconcileError(f"plugin {self.name}: normalize: there is no score")

    @property
    def points(self) -> tuple[str, ...]:
        """The points at which it takes part, as a configuration names them."""
        return tuple([point for point, field in _FUNCTIONS.items() if getattr(self, field) is not None])


_FUNCTIONS: Final = {
    "preEnqueue": "pre_enqueue",
    "queueSort": "queue_sort",
    "preFilter": "pre_filter",
    "filter": "filter",
    "postFilter": "post_filter",
    "preScore": "pre_score",
    "score": "score",
    "reserve": "reserve",
    "permit": "permit",
    "preBind": "pre_bind",
    "bind": "bind",
    "postBind": "post_bind",
}


def said(name: str, point: str, given: Any, *kinds: type) -> Any:
    """
    Give what the plugin *name* says at a point.

    Raises:
        ReconcileError: it is of none of the *kinds* that it may be there; None may be one of them.
    """
    if isinstance(given, kinds) and not isinstance(given, bool):
        return given
    known = " or ".join(["None" if kind is type(None) else kind.__name__ for kind in kinds])
    raise ReconcileError(f"plugin {name}: {point} gave {given!r}, which is no {known}")


NOTHING: Final = type(None)


@attrs.frozen
class Own:
    """A plugin that takes part: at which points, and what its score weighs."""

    plugin: Plugin
    points: tuple[str, ...]
    weight: int = 1

    def at(self, point: str) -> bool:
        """Tell whether it is asked at this point."""
        return point in self.points
