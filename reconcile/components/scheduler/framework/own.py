"""
Own: how plugins of the user's own are asked during a turn.

Source:   the scheduler framework's RunPreFilterPlugins and its like.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconcile.components.scheduler.cache.nodes import Nodes, slots_in
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.components.scheduler.plugin import NOTHING, Narrowed, Own, Snapshot, Turn, Unschedulable, Wait
from reconcile.components.scheduler.plugin import said as checked

BEST: Final = 100
_ASKED: Final = {"reserve": "reserve", "preBind": "pre_bind"}


class OwnCycle:
    """
    The user's plugins during one turn. It belongs to the call that opened it.

    Args:
        own: those that take part.
        pod: the pod whose turn it is.
        nodes: the node cache.
        snapshot: what they are shown.
        pods: key -> pod, of those that are promised a node.

    Attributes:
        error: what is wrong with what one of them said; empty for nothing.
    """

    __slots__ = ("_filtered", "_looked", "_nodes", "_own", "_pod", "_pods", "error", "snapshot")

    def __init__(
        self, own: tuple[Own, ...], pod: Any, nodes: Nodes, snapshot: Snapshot, pods: Mapping[str, Any]
    ) -> None:
        self._own = own
        self._pod = pod
        self._nodes = nodes
        self._pods = pods
        self._filtered: dict[str, Any] = {}
        self._looked: tuple[Refusal | None, tuple[str, ...] | None, tuple[str, ...]] | None = None
        self.snapshot = snapshot
        self.error = ""

    def looked(self) -> tuple[Refusal | None, tuple[str, ...] | None, tuple[str, ...]]:
        """Look at the pod: why no node is looked at, or which nodes alone (None for all), and who says so."""
        if self._looked is None:
            self._looked = self._look()
        return self._looked

    def _look(self) -> tuple[Refusal | None, tuple[str, ...] | None, tuple[str, ...]]:
        names: tuple[str, ...] | None = None
        who: list[str] = []
        for each in self._at("preFilter"):
            plugin = each.plugin
            assert plugin.pre_filter is not None, "it takes part there"
            found = plugin.pre_filter(Turn(self._pod, self.snapshot))
            said = checked(plugin.name, "pre_filter", found, Narrowed, Unschedulable, NOTHING)
            if isinstance(said, Unschedulable):
                return _refusal(plugin.name, said), None, ()
            if isinstance(said, Narrowed):
                self._filtered[plugin.name] = said.found
                if said.nodes is not None:
                    names = said.nodes if names is None else tuple([name for name in names if name in said.nodes])
                    who.append(plugin.name)
        return None, names, tuple(who)

    def refused(self, left: int) -> list[tuple[Refusal, int]]:
        """Tell which of the nodes *left* are refused."""
        found: dict[Refusal, int] = {}
        if not any(self._at("filter")):
            return []
        for slot in slots_in(left):
            refusal = self.refusal(slot)
            if refusal is not None:
                found[refusal] = found.get(refusal, 0) | 1 << slot
        return list(found.items())

    def refusal(self, slot: int, came: Iterable[str] = (), gone: Iterable[str] = (), only: str = "") -> Refusal | None:
        """Tell why a node will not do, if pods of these keys came there, or went; *only* one may be asked."""
        self.looked()
        name = self._nodes.fleet.names[slot]
        node = self.snapshot.nodes.get(name, None)
        snapshot = self._changed(name, tuple(came), frozenset(gone))
        for each in self._at("filter"):
            plugin = each.plugin
            if only and plugin.name != only:
                continue
            assert plugin.filter is not None, "it takes part there"
            found = plugin.filter(Turn(self._pod, snapshot, self._filtered.get(plugin.name)), node)
            said = checked(plugin.name, "filter", found, Unschedulable, NOTHING)
            if said is not None:
                return _refusal(plugin.name, said)
        return None

    def raw(self, fit: int) -> dict[str, dict[str, int]]:
        """Give what each plugin says of the nodes that will do before it is normalised: plugin -> node -> score."""
        found: dict[str, dict[str, int]] = {}
        names = sorted([self._nodes.fleet.names[slot] for slot in slots_in(fit)])
        for each in self._at("score"):
            plugin = each.plugin
            assert plugin.score is not None, "it takes part there"
            turn = self._turn(plugin.name)
            if plugin.pre_score is not None and each.at("preScore"):
                turn = turn._replace(scored=plugin.pre_score(turn, tuple(names)))
            found[plugin.name] = {name: plugin.score(turn, self.snapshot.nodes.get(name, None)) for name in names}
        return found

    def scored(self, fit: int) -> tuple[tuple[str, list[tuple[int, int]]], ...]:
        """Score the nodes that will do: for each plugin groups of nodes, with what it gives them, weighed."""
        names = self._nodes.fleet.names
        slots = {names[slot]: slot for slot in slots_in(fit)}
        found: list[tuple[str, list[tuple[int, int]]]] = []
        for each in self._at("score"):
            plugin = each.plugin
            assert plugin.score is not None, "it takes part there"
            turn = self._turn(plugin.name)
            if plugin.pre_score is not None and each.at("preScore"):
                turn = turn._replace(scored=plugin.pre_score(turn, tuple(sorted(slots))))
            scores: Mapping[str, int] = {
                name: checked(plugin.name, "score", plugin.score(turn, self.snapshot.nodes.get(name, None)), int)
                for name in sorted(slots)
            }
            if plugin.normalize is not None:
                scores = checked(plugin.name, "normalize", plugin.normalize(turn, scores), Mapping)
            groups: dict[int, int] = {}
            for name, slot in slots.items():
                score = checked(plugin.name, "normalize", scores.get(name, 0), int)
                if not 0 <= score <= BEST:
                    self.error = (
                        f'applying score defaultWeights on Score plugins: plugin "{plugin.name}" returns an invalid '
                        f"score {score}, it should in the range of [0, {BEST}] after normalizing"
                    )
                    score = 0
                groups[each.weight * score] = groups.get(each.weight * score, 0) | 1 << slot
            found.append((plugin.name, sorted(groups.items())))
        return tuple(found)

    def helped(self, reasons: Mapping[str, tuple[str, ...]]) -> tuple[str, tuple[str, ...]] | None:
        """Ask who no node will do for: a node that is promised to it, and who goes for it."""
        for each in self._at("postFilter"):
            assert each.plugin.post_filter is not None, "it takes part there"
            found = each.plugin.post_filter(self._turn(each.plugin.name), reasons)
            said: tuple[str, tuple[str, ...]] | None = checked(
                each.plugin.name, "post_filter", found, tuple, list, NOTHING
            )
            if said is not None:
                return said
        return None

    def kept(self, point: str, node: str) -> Refusal | None:
        """Tell why a pod cannot have the node that it is to have; *point* is `reserve` or `preBind`."""
        for each in self._at(point):
            ask = each.plugin.reserve if point == "reserve" else each.plugin.pre_bind
            assert ask is not None, "it takes part there"
            found = ask(self._turn(each.plugin.name), self.snapshot.nodes.get(node, None))
            said = checked(each.plugin.name, _ASKED[point], found, Unschedulable, NOTHING)
            if said is not None:
                return _refusal(each.plugin.name, said)
        return None

    def permitted(self, node: str) -> Refusal | tuple[tuple[str, Wait], ...]:
        """Tell why a pod may not be bound, or for whom it has to wait: none if it may."""
        waits: list[tuple[str, Wait]] = []
        for each in self._at("permit"):
            assert each.plugin.permit is not None, "it takes part there"
            found = each.plugin.permit(self._turn(each.plugin.name), self.snapshot.nodes.get(node, None))
            said = checked(each.plugin.name, "permit", found, Wait, Unschedulable, NOTHING)
            if isinstance(said, Unschedulable):
                return _refusal(each.plugin.name, said)
            if isinstance(said, Wait):
                waits.append((each.plugin.name, said))
        return tuple(waits)

    def _at(self, point: str) -> list[Own]:
        return [each for each in self._own if each.at(point)]

    def _turn(self, name: str) -> Turn:
        return Turn(self._pod, self.snapshot, self._filtered.get(name))

    def _changed(self, name: str, came: tuple[str, ...], gone: frozenset[str]) -> Snapshot:
        if not came and not gone:
            return self.snapshot
        whole = self.snapshot

        def on(node: str) -> tuple[Any, ...]:
            pods = whole.pods_on(node)
            if node != name:
                return pods
            stay = [pod for pod in pods if f"{pod.metadata.namespace}/{pod.metadata.name}" not in gone]
            return (*stay, *[self._pods[key] for key in came if key in self._pods])

        return whole.changed(on)


def _refusal(name: str, said: Unschedulable) -> Refusal:
    return Refusal(name, (said.reason,), said.final)
