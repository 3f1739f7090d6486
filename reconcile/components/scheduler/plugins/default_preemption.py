"""
DefaultPreemption: a pod that finds no node looks for one where pods of lower priority could make room.

On each node that is refused for what runs there, all pods of lower priority are thought away. If the pod would fit
then, they are let back one by one, the most important first, those whose disruption budget would be violated before
all; who cannot come back is a victim. Of the nodes the one is taken where that hurts least.

Source:   the scheduler plugin DefaultPreemption, framework/preemption.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from reconcile.components.scheduler.cache.nodes import NOTHING_USED, slots_from, used_with, used_without
from reconcile.components.scheduler.cache.traits import NO_MOUNTS
from reconcile.components.scheduler.cache.trials import OpenTrials
from reconcile.components.scheduler.framework.company import Around
from reconcile.components.scheduler.framework.filtering import refused_by_use
from reconcile.components.scheduler.framework.one_node import Body, Change, alone_on, verdict
from reconcile.components.scheduler.framework.search import Search, key_of, promised
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.components.scheduler.plugins.interpod_affinity import objections
from reconcile.components.scheduler.queue.queue import Entry
from reconcile.components.scheduler.state import Nominee, Placed
from reconcile.lib.dice import Dice
from reconcile.lib.table import Table
from reconcile.model import selectors

NEVER: Final = "not eligible due to preemptionPolicy=Never."
TERMINATING: Final = "not eligible due to a terminating pod on the nominated node."
UNHELPFUL: Final = "Preemption is not helpful for scheduling"
NO_CANDIDATE: Final = "no candidate node for preemption"
NO_VICTIMS: Final = Refusal("DefaultPreemption", ("No preemption victims found for incoming pod",), final=True)

_UNTRIED: Final[Table[int, Any]] = Table()
_LOWEST: Final = -(1 << 31)
_NEVER_STARTED: Final = 1 << 200
_FINISHED: Final = ("Succeeded", "Failed")


class Victim(NamedTuple):
    """A pod on a node that may have to go."""

    key: str
    pod: Any
    body: Body


class Candidate(NamedTuple):
    """
    A node where the pod would fit without its victims.

    Args:
        slot: the node's.
        victims: the most important first.
        violations: how many of them their disruption budget does not allow.
        harm: how much it hurts, if that was found out: the least is taken.
    """

    slot: int
    victims: tuple[Victim, ...]
    violations: int
    harm: tuple[int, ...] = ()


class Outcome(NamedTuple):
    """
    What comes of looking for victims.

    Args:
        chosen: the node and its victims; None if there is none.
        why: what is said of the nodes then: reasons and how many nodes, or a text.
    """

    chosen: Candidate | None
    why: list[tuple[str, int]] | str


class Placing(NamedTuple):
    """
    Where pods are.

    Args:
        placed: those that are on nodes.
        nominated: those that nodes are promised to.
        trials: what is remembered of dry runs; None for nothing.
    """

    placed: Table[str, Placed]
    nominated: Table[str, Nominee]
    trials: OpenTrials | None = None


def preempted(  # noqa: PLR0917 -- what a turn has come to
    entry: Entry,
    search: Search,
    around: Around,
    placing: Placing,
    dice: Dice,
    judged: Callable[[list[Candidate]], list[Candidate] | str] | None = None,
) -> tuple[Outcome, Dice]:
    """
    Look for victims whose going would let the pod be scheduled.

    Args:
        entry: the pod's.
        search: why no node will do.
        around: what it is judged in.
        placing: where pods are.
        dice: draws from which node on it is tried.
        judged: gives those of the candidates that others let stand, or says why they cannot be asked.
    """
    pod = entry.pod
    if pod.spec.preemption_policy == "Never":
        return Outcome(None, NEVER), dice
    if _awaits_victims(entry, search, around, placing):
        return Outcome(None, TERMINATING), dice
    nodes = around.nodes
    possible = 0
    for refusal, members in search.refused:
        if not refusal.final:
            possible |= members
    total = nodes.fleet.known.bit_count()
    hopeless = (UNHELPFUL, total - possible.bit_count())
    if not possible or not _lower_ranks(entry.traits.priority, around):
        return Outcome(None, [hopeless, (NO_VICTIMS.reasons[0], possible.bit_count())]), dice
    offset, dice = dice.below(possible.bit_count())
    candidates, refused = _dry_run(entry, possible, offset, around, placing)
    if not candidates:
        counts: dict[str, int] = {}
        for refusal in refused:
            for reason in refusal.reasons:
                counts[reason] = counts.get(reason, 0) + 1
        return Outcome(None, [hopeless, *sorted(counts.items())]), dice
    if judged is not None:
        stand = judged(candidates)
        if isinstance(stand, str):
            return Outcome(None, stand), dice
        if not stand:
            return Outcome(None, NO_CANDIDATE), dice
        candidates = stand
    return Outcome(min(candidates, key=_harm), ""), dice


def _lower_ranks(priority: int, around: Around) -> bool:
    """Tell whether any pod on any node has a lower priority."""
    ranks = around.nodes.ranks
    for rank in ranks:
        if rank < priority:
            return True
        break
    # Most pods have no priority, and are not counted.
    return priority > 0


def _awaits_victims(entry: Entry, search: Search, around: Around, placing: Placing) -> bool:
    """Tell whether the node that is promised to the pod still waits for a victim to end."""
    nominee = placing.nominated.get(key_of(entry.pod), None)
    slot = None if nominee is None else around.nodes.fleet.slots.get(nominee.node, None)
    if nominee is None or slot is None or slot not in around.nodes.fleet.rooms:
        return False
    if any(refusal.final and members >> slot & 1 for refusal, members in search.refused):
        return False
    return any(_ends_for_us(victim.pod) for victim in _lower(entry.traits.priority, slot, around, placing))


def _ends_for_us(pod: Any) -> bool:
    if pod.metadata.deletion_timestamp is None:
        return False
    for condition in (pod.status.conditions if pod.status is not None else None) or ():
        if condition.type == "DisruptionTarget":
            return bool(condition.status == "True" and condition.reason == "PreemptionByScheduler")
    return False


def _dry_run(
    entry: Entry, possible: int, offset: int, around: Around, placing: Placing
) -> tuple[list[Candidate], list[Refusal]]:
    # So many nodes, or such a part of those that may do, are tried; then it is enough if one is found.
    profile, count = around.profile, possible.bit_count()
    enough = min(max(count * profile.candidates_percent // 100, profile.least_candidates), count)
    waiting = promised(key_of(entry.pod), entry.traits.priority, around.nodes, placing.nominated)
    alone = _is_alone(entry, around)
    trials = placing.trials if alone else None
    kind = (entry.demand, entry.wishes, entry.traits.priority, profile.name)
    known = trials.of(kind) if trials is not None else _UNTRIED
    fresh: dict[int, Candidate | Refusal | None] = {}
    candidates: list[Candidate] = []
    refused: list[Refusal] = []
    harmless = False
    for slot in slots_from(possible, offset):
        found = None if slot in waiting else known.get(slot, None)
        if found is None:
            found = _on_node(entry, slot, around, placing, _Judge(entry, slot, around, waiting.get(slot, ()), alone))
            if slot not in waiting:
                fresh[slot] = found
        if isinstance(found, Refusal):
            refused.append(found)
            continue
        candidates.append(found)
        harmless = harmless or not found.violations
        if harmless and len(candidates) >= enough:
            break
    if trials is not None:
        trials.note(kind, known.updated(fresh))
    return candidates, refused


def _is_alone(entry: Entry, around: Around) -> bool:
    """Tell whether what the pod is told of a node follows from that node and the pods there alone."""
    traits, profile = entry.traits, around.profile
    if profile.order or around.own is not None or around.devices is not None or traits.mounts != NO_MOUNTS:
        return False
    if traits.spread and "PodTopologySpread" in profile.filters:
        return False
    if "InterPodAffinity" not in profile.filters:
        return True
    guise = traits.guise
    if any(rule.role != "prefers" for rule in guise.rules):
        return False
    return not (around.nodes.rules and objections(guise, around.nodes, around.views.namespaces))


class _Judge:
    """
    Whether a pod would fit on a node, as pods are thought away and let back.

    Args:
        entry: the pod's.
        slot: the node's.
        around: what it is judged in.
        waiting: who is promised the node and goes first.
        alone: whether nothing but the node and its pods counts: then what they take is summed up as they go and come.
    """

    __slots__ = ("_around", "_body", "_entry", "_gone", "_slot", "_summed", "_used", "_waiting")

    def __init__(self, entry: Entry, slot: int, around: Around, waiting: tuple[Body, ...], alone: bool) -> None:  # noqa: FBT001
        self._entry = entry
        self._slot = slot
        self._around = around
        self._waiting = waiting
        self._summed = alone and not waiting
        self._body = Body(entry.demand, entry.traits)
        self._gone: list[Body] = []
        self._used = NOTHING_USED

    def without(self, victims: list[Victim]) -> Refusal | None:
        """Tell why the node will not do without *victims*; None if it will."""
        self._gone = [victim.body for victim in victims]
        if self._summed:
            used = self._around.nodes.used.get(self._slot, NOTHING_USED)
            for body in self._gone:
                used = used_without(used, body.demand)
            self._used = used
        return self._refusal()

    def lets_back(self, victim: Victim) -> bool:
        """Let one of them back if the node will do all the same, and tell whether it does."""
        if self._summed:
            room, used = self._around.nodes.fleet.rooms[self._slot], used_with(self._used, victim.body.demand)
            if refused_by_use(self._entry.demand, room, used, self._around.profile) is not None:
                return False
            self._used = used
            return True
        self._gone.remove(victim.body)
        if self._refusal() is None:
            return True
        self._gone.append(victim.body)
        return False

    def _refusal(self) -> Refusal | None:
        gone, wishes = tuple(self._gone), self._entry.wishes
        if self._summed:
            return alone_on(self._body, wishes, self._slot, self._used, self._around)
        if self._waiting:
            found = verdict(self._body, wishes, self._slot, self._around, Change(self._waiting, gone))
            if found is not None:
                return found
        return verdict(self._body, wishes, self._slot, self._around, Change(gone=gone))


def _on_node(entry: Entry, slot: int, around: Around, placing: Placing, judge: _Judge) -> Candidate | Refusal:
    potential = _lower(entry.traits.priority, slot, around, placing)
    if not potential:
        return NO_VICTIMS
    found = judge.without(potential)
    if found is not None:
        return found
    potential = _by_importance(potential)
    violating, others = _by_budget(potential, around)
    victims: list[Victim] = []
    violations = 0
    for victim in (*violating, *others):
        if not judge.lets_back(victim):
            victims.append(victim)
            violations += victim in violating
    if not victims:
        name = around.nodes.fleet.names[slot]
        return Refusal("DefaultPreemption", (f'expected at least one victim pod on node "{name}"',), final=False)
    candidate = Candidate(slot, tuple(_by_importance(victims) if violating and others else victims), violations)
    return candidate._replace(harm=_harm_of(candidate))


def _lower(priority: int, slot: int, around: Around, placing: Placing) -> list[Victim]:
    """Give the pods on a node that have a lower priority."""
    nodes, pods = around.nodes, around.views.pods
    name = nodes.fleet.names[slot]
    found = [
        Victim(key, pods[key], Body(placed.demand, placed.traits, key))
        for key in pods.keys_under("node", name)
        if (placed := placing.placed.get(key, None)) is not None and placed.node == name
    ]
    used = nodes.used.get(slot, None)
    if used is not None and used.pods > len(found):
        # Some are on their way there, and the watch has not told it yet.
        known = {victim.key for victim in found}
        found += [
            Victim(
                key,
                placed.entry.pod if placed.entry is not None else pods[key],
                Body(placed.demand, placed.traits, key),
            )
            for key, placed in placing.placed.items()
            if placed.node == name and key not in known and (placed.entry is not None or key in pods)
        ]
    return [victim for victim in found if victim.body.traits.priority < priority]


def _by_budget(victims: list[Victim], around: Around) -> tuple[list[Victim], list[Victim]]:
    """Part those whose going their disruption budget does not allow any more from the others."""
    budgets = around.views.budgets
    if not len(budgets):
        return [], victims
    allowed: dict[str, int] = {}
    violating: list[Victim] = []
    others: list[Victim] = []
    for victim in victims:
        metadata = victim.pod.metadata
        violates = False
        for key in budgets.keys_under("namespace", metadata.namespace) if metadata.labels else ():
            budget = budgets[key]
            selector = budget.spec.selector
            if selector is None or not (selector.match_labels or selector.match_expressions):
                continue
            if not selectors.matches(selector, metadata.labels):
                continue
            if budget.status is not None and metadata.name in (budget.status.disrupted_pods or {}):
                continue
            left = budget.status.disruptions_allowed or 0 if budget.status else 0
            allowed[key] = allowed.get(key, left) - 1
            violates = violates or allowed[key] < 0
        (violating if violates else others).append(victim)
    return violating, others


def _by_importance(victims: list[Victim]) -> list[Victim]:
    """
    Sort pods, the most important first, by upstream's steps.

    What it compares by is no order: of two pods that were not started each is the more important if it is asked first.
    So which steps are taken decides, and those of Go's sort are these while there are few pods.
    """
    found: list[Victim] = []
    for victim in victims:
        place = len(found)
        while place and _is_more_important(victim, found[place - 1]):
            place -= 1
        found.insert(place, victim)
    return found


def _is_more_important(one: Victim, other: Victim) -> bool:
    rank, other_rank = one.body.traits.priority, other.body.traits.priority
    if rank != other_rank:
        return rank > other_rank
    started, other_started = _started(one.pod), _started(other.pod)
    return started < other_started or started == other_started == _NEVER_STARTED


def _started(pod: Any) -> int:
    """Give when a pod was started; one that was not counts as if it were now."""
    at = pod.status.start_time if pod.status is not None else None
    return _NEVER_STARTED if at is None else int(at.instant)


def _harm(candidate: Candidate) -> tuple[int, ...]:
    return candidate.harm or _harm_of(candidate)


def _harm_of(candidate: Candidate) -> tuple[int, ...]:
    victims = candidate.victims
    ranks = [victim.body.traits.priority for victim in victims]
    highest = max(ranks)
    earliest = min([_started(victim.pod) for victim in victims if victim.body.traits.priority == highest])
    return (
        candidate.violations,
        ranks[0],
        sum([rank - _LOWEST for rank in ranks]),
        len(victims),
        -earliest,
    )
