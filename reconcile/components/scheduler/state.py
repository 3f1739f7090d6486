"""State: what the scheduler remembers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from reconcile.components.scheduler.cache.census import Census
from reconcile.components.scheduler.cache.demand import Demand
from reconcile.components.scheduler.cache.devices import FIELDS as OF_DEVICES
from reconcile.components.scheduler.cache.nodes import Nodes
from reconcile.components.scheduler.cache.storage import Reserved
from reconcile.components.scheduler.cache.traits import Traits
from reconcile.components.scheduler.cache.trials import Trials
from reconcile.components.scheduler.cache.views import FIELDS, Views
from reconcile.components.scheduler.cache.wishes import Wishes
from reconcile.components.scheduler.configuration import DEFAULTS, Configuration, Extender
from reconcile.components.scheduler.framework.profile import DEFAULT, Profile
from reconcile.components.scheduler.framework.ranking import Layout, Ranking
from reconcile.components.scheduler.framework.rota import Rota
from reconcile.components.scheduler.plugins.volume_binding import Plan
from reconcile.components.scheduler.queue.queue import Entry, Queue
from reconcile.events import WebhookAnswered
from reconcile.lib.dice import Dice
from reconcile.lib.instant import Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Index, Table
from reconcile.model import gates
from reconcile.model.pods.grouping import GROUPS
from reconcile.model.watches import Watch

PROFILE: Final = "default-scheduler"


def _itself(group: str) -> tuple[str, ...]:
    return (group,)  # by name, so that a state can be copied


_BY_GROUP: Final[tuple[Index[str], ...]] = (Index("group", _itself),)


@quick
@attrs.frozen(weakref_slot=False)
class Placed:
    """
    A pod that is on a node, or is about to be.

    Args:
        node: the node's name.
        uid: the pod's.
        demand: what it takes there.
        traits: what it is to other pods.
        assumed: whether only we say so yet: it is being bound, or the watch lags.
        entry: its entry in the queue, as long as the answer to its binding is not there.
    """

    node: str
    uid: str
    demand: Demand
    traits: Traits
    assumed: bool
    entry: Entry | None = None


@quick
@attrs.frozen(weakref_slot=False)
class Nominee:
    """
    A pod in the queue that a node is promised to.

    Args:
        node: the node's name.
        uid: the pod's.
        demand: what it takes.
        traits: what it is to other pods.
    """

    node: str
    uid: str
    demand: Demand
    traits: Traits


@quick
@attrs.frozen(weakref_slot=False)
class Waiting:
    """
    A pod that waits for its volumes before it is bound.

    Args:
        uid: the pod's.
        node: the node that it goes to.
        plan: what is written for it, and what it waits for.
        unwritten: how many of these writes are not answered yet.
        since: when it began to wait.
        timeout: how long it does at most.
        versions: claim -> the version that a write made, as far as writes are answered.
        due: when it is to be seen whether it can be bound, as it looks so; None while it does not.
    """

    uid: str
    node: str
    plan: Plan
    unwritten: int
    since: Instant
    timeout: Duration
    versions: tuple[tuple[str, int], ...] = ()
    due: Instant | None = None


@quick
@attrs.frozen(weakref_slot=False)
class Memory:
    """
    What is kept instead of found out anew: the rankings and layouts lately used, with when that was; the last new pod.

    It follows from the node cache and the pods and decides nothing, so states are compared without it.

    Args:
        rankings: by demand, with the turn that last used it.
        layouts: by wishes, likewise.
        turn: counts the pods that had a turn.
        last: a pod that came to the queue: the next one is mostly of the same template.
        census: topologies, and counts of pods by domain.
        apart: what is kept for each profile but the first.
        rota: the order of nodes.
        members: the pods that name a group, and which, where that matters.
        trials: what preemption found on nodes.
    """

    rankings: Table[Demand, tuple[int, Ranking]] = attrs.field(factory=Table)
    layouts: Table[Wishes, tuple[int, Layout]] = attrs.field(factory=Table)
    turn: int = 0
    last: Entry | None = None
    census: Census = attrs.field(factory=Census)
    apart: Table[str, Any] = attrs.field(factory=Table)
    rota: Rota | None = None
    members: Table[str, str] = Table(_BY_GROUP)
    trials: Trials = attrs.field(factory=Trials)


@quick
@attrs.frozen(weakref_slot=False)
class Asking:
    """
    A turn that waits for extenders: until they have answered no other pod has one.

    When they have, the turn is had anew, with what they said.

    Args:
        key: the pod's.
        uid: likewise.
        waits: what is asked and not answered.
        answers: what was answered, by what was asked.
        stirred: whether anything has changed meanwhile.
    """

    key: str
    uid: str
    waits: tuple[str, ...]
    answers: tuple[tuple[str, WebhookAnswered], ...] = ()
    stirred: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class Clock:
    """
    What seldom changes.

    Args:
        started: when the process started.
        synced: the watches that have told what there is.
        retry_at: when the timer for back-offs is due.
        flush_at: when the timer for pods that wait for too long is due.
        volumes_at: when the timer for pods that wait for volumes is due.
        devices_at: when the timer for pods that wait for devices is due.
        opened: whether devices are watched as well, since a pod came that may want some.
        runs: whether all watches have told what there is, and no turn waits: else, nothing is scheduled.
        permits_at: when the timer for pods that wait to be permitted is due.
        start: the place, in the order of nodes, from which they are looked at for the next pod: always the first one
            as long as all of them are looked at.
        asking: the turn that waits for extenders.
        more: how many watches there are beside the usual ones, and those of devices.
    """

    started: Instant = 0
    synced: tuple[str, ...] = ()
    retry_at: Instant | None = None
    flush_at: Instant | None = None
    volumes_at: Instant | None = None
    devices_at: Instant | None = None
    opened: bool = False
    runs: bool = False
    permits_at: Instant | None = None
    start: int = 0
    asking: Asking | None = None
    more: int = 0


def with_synced(clock: Clock, watch: str) -> Clock:
    """Note that a watch has told what there is."""
    synced = (*clock.synced, watch)
    return replace(clock, synced=synced, runs=_has_all(synced, clock) and clock.asking is None)


def with_asking(clock: Clock, asking: Asking | None) -> Clock:
    """Note that a turn waits for extenders, or (None) that none does."""
    return replace(clock, asking=asking, runs=_has_all(clock.synced, clock) and asking is None)


def _has_all(synced: tuple[str, ...], clock: Clock) -> bool:
    return len(synced) == len(_WATCHES) + clock.more + len(OF_DEVICES) * clock.opened


def with_devices_opened(clock: Clock) -> Clock:
    """Note that devices are to be watched as well: nothing is scheduled before they are known."""
    return clock if clock.opened else replace(clock, opened=True, runs=False)


@quick
@attrs.frozen(weakref_slot=False)
class Settings:
    """
    What a scheduler was configured to.

    Args:
        profile: how pods are scheduled.
        others: further profiles, for pods of other schedulers' names.
        extenders: who else is asked.
        looks: whether somebody has to be shown the nodes themselves, or what was decided; or pods may be in groups.
        explanations: where decisions are explained: `log`, `pods`.
        groups: whether pods that name a group are scheduled together.
        gangs: whether of a gang as many as it says are placed, or none.
    """

    profile: Profile = DEFAULT
    others: tuple[Profile, ...] = ()
    extenders: tuple[Extender, ...] = ()
    looks: bool = False
    explanations: tuple[str, ...] = ()
    groups: bool = False
    gangs: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class State:
    """
    One scheduler's view of the cluster; it may lag behind the API server.

    Args:
        dice: draws among nodes that are equally good.
        queue: pods that want a node.
        nodes: the node cache.
        placed: pod -> where it is.
        memory: rankings of nodes.
        clock: when it started, which timers are set.
        views: the informer caches: what the watches have told, which the cluster keeps as well.
        nominated: pods in the queue -> the node that each is promised.
        reserved: what is decided for pods that are to be bound, but not yet.
        settings: how pods are scheduled.
    """

    dice: Dice
    queue: Queue = attrs.field(factory=Queue)
    nodes: Nodes = attrs.field(factory=Nodes)
    placed: Table[str, Placed] = attrs.field(factory=Table)
    memory: Memory = attrs.field(factory=Memory, eq=False)
    clock: Clock = attrs.field(factory=Clock)
    views: Views = attrs.field(factory=Views, eq=False)
    nominated: Table[str, Nominee] = attrs.field(factory=Table)
    reserved: Reserved = attrs.field(factory=Reserved)
    settings: Settings = attrs.field(factory=Settings)


_WATCHES: Final = tuple([Watch(resource, resource) for resource in ("nodes", *FIELDS)])


_NO_GATES: Final[Map[bool]] = Map()


def begin(dice: Dice, configuration: Configuration = DEFAULTS, switched: Map[bool] = _NO_GATES) -> State:
    """
    Give a scheduler that has just started and knows nothing.

    Args:
        dice: what it draws from.
        configuration: how it schedules.
        switched: the feature gates that are not as they are by default.
    """
    profile, *others = configuration.profiles
    groups = bool(switched) and gates.is_on(switched, gates.GENERIC_WORKLOAD)
    return State(
        dice=dice,
        queue=Queue(
            initial=configuration.initial_backoff, longest=configuration.longest_backoff, sort=_sorting(profile)
        ),
        settings=Settings(
            profile,
            tuple(others),
            configuration.extenders,
            looks=bool(groups or configuration.extenders or configuration.explanations)
            or any(each.own for each in configuration.profiles),
            explanations=configuration.explanations,
            groups=groups,
            gangs=groups and gates.is_on(switched, gates.GANG_SCHEDULING),
        ),
        clock=Clock(more=1) if groups else Clock(),
    )


def _sorting(profile: Profile) -> Callable[[Any], int] | None:
    """Give what sorts the queue, if that is a plugin of the user's own; it is the same in all profiles."""
    for each in profile.own:
        if each.at("queueSort"):
            return each.plugin.queue_sort
    return None


def profile_for(state: State, pod: Any) -> Profile | None:
    """Give the profile by which *pod* is scheduled; None if it is for another scheduler."""
    name = pod.spec.scheduler_name or PROFILE
    settings = state.settings
    if name == settings.profile.name:
        return settings.profile
    for each in settings.others:
        if each.name == name:
            return each
    return None


def watches(state: State) -> tuple[Watch, ...]:
    """Tell what a scheduler watches."""
    return (*_WATCHES, Watch(GROUPS, GROUPS)) if state.settings.groups else _WATCHES
