"""
How many decisions a second the scheduler makes, by what pods ask.

`scheduling.py [KIND...] [--nodes N] [--pods N] [--share PERCENT]`; *share* is `percentageOfNodesToScore`, 0 for what
upstream takes by default.

The scheduler alone is stepped: it is told of the nodes, then of pods, has its turns, and is told at once that each
binding was done. Seconds are those of the processor. The kinds are those of upstream's scheduler_perf.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs

from reconcile.api import convert
from reconcile.components import scheduler
from reconcile.components.scheduler.configuration import DEFAULTS
from reconcile.components.scheduler.framework.profile import DEFAULT
from reconcile.effects import Call
from reconcile.events import Answered, Started, Turned, Watched
from reconcile.lib.dice import Dice
from reconcile.lib.table import Table
from reconcile.model.requests import Response, key_of
from reconcile.store import Change
from reconcile.store.indexes import indexes_of

ZONES: Final = 10
HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"


def node(number: int) -> Any:
    """Give a node of scheduler_perf: 4 cores, 32 GiB, 110 pods, one of ten zones."""
    name = f"n{number:05}"
    labels = {HOST: name, ZONE: f"zone-{number % ZONES}"}
    room = {"cpu": "4", "memory": "32Gi", "pods": "110"}
    return _made("Node", {"name": name, "labels": labels}, {"spec": {}, "status": {"allocatable": room}})


def pod(name: str, *, app: str = "web", cpu: str = "100m", **spec: Any) -> Any:
    """Give a pod of scheduler_perf."""
    container = {"name": "c", "image": "pause", "resources": {"requests": {"cpu": cpu, "memory": "500Mi"}}}
    metadata = {"name": name, "namespace": "default", "labels": {"app": app}, "uid": name}
    return _made("Pod", metadata, {"spec": {"containers": [container], **spec}})


def basic(number: int) -> Any:
    """SchedulingBasic."""
    return pod(f"p{number:05}")


def affinity(number: int) -> Any:
    """SchedulingPodAffinity: all in one zone."""
    term = {"topologyKey": ZONE, "labelSelector": {"matchLabels": {"app": "web"}}}
    return pod(
        f"p{number:05}",
        cpu="10m",
        affinity={"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}},
    )


def anti_affinity(number: int) -> Any:
    """SchedulingPodAntiAffinity: one on each node, of as many groups as it takes."""
    app = f"group-{number % 4}"
    term = {"topologyKey": HOST, "labelSelector": {"matchLabels": {"app": app}}}
    return pod(
        f"p{number:05}",
        app=app,
        affinity={"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}},
    )


def preferred(number: int) -> Any:
    """SchedulingPreferredPodAntiAffinity."""
    term = {"topologyKey": HOST, "labelSelector": {"matchLabels": {"app": "web"}}}
    weighed = [{"weight": 1, "podAffinityTerm": term}]
    return pod(
        f"p{number:05}", affinity={"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": weighed}}
    )


def spread(number: int) -> Any:
    """TopologySpreading: evenly over zones."""
    constraint = {
        "maxSkew": 1,
        "topologyKey": ZONE,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    return pod(f"p{number:05}", topologySpreadConstraints=[constraint])


KINDS: Final[dict[str, Callable[[int], Any]]] = {
    each.__name__: each for each in (basic, affinity, anti_affinity, preferred, spread)
}


@attrs.define
class Play:
    """A scheduler, and what it has been told."""

    state: Any
    tables: dict[str, Table[str, Any]] = attrs.field(factory=dict)

    def tell(self, resource: str, *pairs: tuple[Any, Any]) -> None:
        """Tell of changes: pairs of what was and what is."""
        table = self.tables.get(resource, Table(indexes_of(resource)))
        changes = []
        for old, new in pairs:
            key = key_of(new if new is not None else old)
            table = table.remove(key) if new is None else table.set(key, new)
            changes.append(Change(1, resource, key, old, new))
        self.tables[resource] = table
        self.state, _ = scheduler.step(self.state, Watched(0, resource, tuple(changes), table))

    def turn(self) -> tuple[Any, ...]:
        """Let a pod have its turn, and do what is ordered; give the effects."""
        self.state, effects = scheduler.step(self.state, Turned(0, "schedule"))
        for effect in effects:
            if isinstance(effect, Call) and effect.request.subresource == "binding":
                self.state, _ = scheduler.step(self.state, Answered(0, effect.tag, Response(201)))
                old = self.tables["pods"][effect.tag[1]]
                bound = attrs.evolve(old, spec=attrs.evolve(old.spec, node_name=effect.request.body.target.name))
                self.tell("pods", (old, bound))
        return effects


def begun(nodes: int, share: int) -> Play:
    """Begin a scheduler that knows so many nodes."""
    configuration = attrs.evolve(DEFAULTS, profiles=(attrs.evolve(DEFAULT, share=share) if share else DEFAULT,))
    play = Play(scheduler.step(scheduler.begin(Dice(1, "scheduler"), configuration), Started(0))[0])
    for watch in scheduler.watches(play.state):
        play.tell(watch.resource, *[(None, node(number)) for number in range(nodes if watch.name == "nodes" else 0)])
    return play


def decisions(kind: Callable[[int], Any], nodes: int, pods: int, share: int) -> tuple[int, float]:
    """Schedule so many pods of a kind; give how many found a node, and the seconds it took."""
    play = begun(nodes, share)
    made = [kind(number) for number in range(pods)]
    began = time.process_time()
    bound = 0
    for each in made:
        play.tell("pods", (None, each))
        bound += any(isinstance(effect, Call) and effect.request.subresource == "binding" for effect in play.turn())
    return bound, time.process_time() - began


def crowd(nodes: int) -> Iterator[Any]:
    """Give pods of low priority that fill so many nodes, four on each."""
    for number in range(4 * nodes):
        yield pod(f"low{number:05}", cpu="900m", nodeName=f"n{number % nodes:05}", priority=0)


def urgent(number: int) -> Any:
    """Preemption: a pod that takes the room of three others."""
    return pod(f"high{number:05}", cpu="3", priority=10)


def urgent_pods(pods: int, nodes: int) -> int:
    """Tell how many urgent pods are played: not more than on every tenth node."""
    return min(pods, nodes // 10)


def preemption(nodes: int, pods: int, share: int) -> tuple[int, float]:
    """Preempt: each node is filled by four pods of low priority; so many of high priority come."""
    play = begun(nodes, share)
    play.tell("pods", *[(None, each) for each in crowd(nodes)])
    made = [urgent(number) for number in range(pods)]
    began = time.process_time()
    victims = 0
    for each in made:
        play.tell("pods", (None, each))
        evicted = [
            effect.tag[1]
            for effect in play.turn()
            if isinstance(effect, Call) and effect.tag and effect.tag[0] == "evict"
        ]
        victims += bool(evicted)
        play.tell("pods", *[(play.tables["pods"][key], None) for key in evicted])
        play.turn()
    return victims, time.process_time() - began


def _made(kind: str, metadata: dict[str, Any], more: dict[str, Any]) -> Any:
    return convert.load({"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}).object


def main() -> None:
    """Run the kinds that are asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, "preemption", []], help="by default all")
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--share", type=int, default=0)
    chosen = parser.parse_args()
    for name in chosen.kinds or [*KINDS, "preemption"]:
        if name == "preemption":
            pods = urgent_pods(chosen.pods, chosen.nodes)
            found, took = preemption(chosen.nodes, pods, chosen.share)
        else:
            pods = chosen.pods
            found, took = decisions(KINDS[name], chosen.nodes, pods, chosen.share)
        print(f"{name:14s} {chosen.nodes} nodes: {found} of {pods} pods, {pods / took:7.0f} decisions a second")


if __name__ == "__main__":
    main()
