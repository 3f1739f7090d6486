"""
The control plane's own programs: what they are told by the flags of their containers, and how they end if that is
nothing they understand.

Takes:    containers that are processes of the control plane.
Gives:    the options of a process; how a container ends that its program refuses to run with.
Source:   see reconcile.model.programs; net.Listen's error where the port of a program is taken.
Left out: a second kube-proxy on a host ends too, where upstream's goes on without its health port.
"""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.components.world.state import Container, State
from reconcile.lib.instant import Duration
from reconcile.model.behaviours import Behaviour, Line
from reconcile.model.programs import NONE, PROGRAMS, Options, Refusal, read

_PORTS: Final = {
    "etcd": 2380,
    "kube-apiserver": 6443,
    "kube-controller-manager": 10257,
    "kube-proxy": 10256,
    "kube-scheduler": 10259,
}


def refusal(state: State, container: Container) -> Refusal | None:
    """Give how a container ends at once, because of its flags or because another one runs its program on this host."""
    process = container.process
    if process in state.processes:
        taken = f"listen tcp 0.0.0.0:{_PORTS[process]}: bind: address already in use"
        return Refusal(1, (f'"command failed" err="{taken}"',))
    told = _told(container)
    return told if isinstance(told, Refusal) else None


def options(state: State, process: str) -> Options:
    """Give what a process of the control plane that runs was told."""
    uid, name = state.processes.get(process, ("", ""))
    sandbox = state.sandboxes.get(uid, None)
    container = None if sandbox is None else sandbox.container(name)
    told = NONE if container is None or process not in PROGRAMS else _told(container)
    return NONE if isinstance(told, Refusal) else told


def lingers(container: Container) -> Duration:
    """Give how long a program that is asked to end goes on, as its flags say: an API server serves meanwhile."""
    if container.process != "kube-apiserver":
        return 0
    told = _told(container)
    return 0 if isinstance(told, Refusal) else told.duration("shutdown-delay-duration", 0)


def drains(state: State, process: str) -> bool:
    """Tell whether a process of the control plane goes on though it was asked to end: it says that it is not ready."""
    uid, name = state.processes.get(process, ("", ""))
    sandbox = state.sandboxes.get(uid, None)
    container = None if sandbox is None else sandbox.container(name)
    return container is not None and container.stage == "stopping"


def doing(container: Container, behaviour: Behaviour) -> Behaviour:
    """Give what a container does whose image does *behaviour*: one that is refused only says why, in the end."""
    if not container.refused:
        return behaviour
    ran = max((container.finished_at or 0) - (container.started_at or 0), 0)
    lines = tuple([Line(text=text, after=ran) for text in container.refused])
    return attrs.evolve(behaviour, logs=(), writes=lines, message="")


def _told(container: Container) -> Options | Refusal:
    return read(container.process, (*container.command[1:], *container.args), container.image)
