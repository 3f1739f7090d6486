"""
Queueing: the queues of work that containers share, wherever they run.

An item is somebody's until he says that he is done with it; who ends before, or whose host is off, has given it back.

Takes:    an open machine; a container that turns to a queue.
Gives:    what it gets; how many items are left.
Source:   https://kubernetes.io/docs/tasks/job/fine-parallel-processing-work-queue/
Left out: see docs/limits.md, "World".
"""

from __future__ import annotations

from typing import Any, Literal

import attrs

from reconcile.cluster.cluster import Queue
from reconcile.components import world
from reconcile.driver.machine.machine import Machine
from reconcile.effects import LookAround

_NEW = Queue()


def queued(machine: Machine, host: str, look: LookAround) -> Literal["item", "wait", "empty"]:
    """Let a container be done with its item, or take one."""
    queues, total = machine.programs.queues, machine.cluster.topology.behaviours.queues.get(look.queue, 0)
    known = queues.get(look.queue, _NEW)
    doing = world.doing(_runtime(machine, host), look.uid, look.container)
    me = (host, look.uid, look.container, 0 if doing is None else doing[0])
    held = tuple([holder for holder in known.held if holder != me and _lives(machine, holder)])
    done = known.done + (look.work != "take" and me in known.held)
    answer: Literal["item", "wait", "empty"] = "wait" if held else "empty"
    if look.work == "done":
        answer = "empty"
    elif total - done > len(held):
        held, answer = (*held, me), "item"
    machine.programs = attrs.evolve(machine.programs, queues=queues.set(look.queue, Queue(done, held)))
    return answer


def left(machine: Machine, queue: str) -> int:
    """Give how many items of a queue are not done."""
    return machine.cluster.topology.behaviours.queues[queue] - machine.programs.queues.get(queue, _NEW).done


def _lives(machine: Machine, holder: tuple[str, str, str, int]) -> bool:
    host, uid, container, since = holder
    status, runtime = machine.hosts.get(host), _runtime(machine, host)
    if status is None or not status.up or runtime is None:
        return False
    doing = world.doing(runtime, uid, container)
    return doing is not None and doing[0] == since


def _runtime(machine: Machine, host: str) -> Any:
    state = machine.states.get(f"runtime/{host}")
    return getattr(state, "state", state)
