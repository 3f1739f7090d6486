"""
Faults of clocks, links, caches, processes and pods, and machines that join, as a scenario's words.

Takes:    words of a command.
Gives:    the event or the move that they mean.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconcile.events import (
    CutLink,
    DriftClock,
    HoldCache,
    HoldWatch,
    KillContainer,
    KillSandbox,
    MendLink,
    SetClock,
    SlowLink,
    StopProcess,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import parse_duration
from reconcile.model.requests import joined
from reconcile.testing.blocks import Block
from reconcile.testing.moves import Join
from reconcile.testing.wording import duration_in, number_in


def set_clock(host: str, ahead: str) -> SetClock:
    """Give what lets a host's clock jump."""
    return SetClock(host, parse_duration(ahead))


def drifting(host: str, rate: str, until: str = "") -> DriftClock:
    """Give what lets a host's clock drift."""
    return DriftClock(host, number_in(rate), parse_duration(until) if until else None)


def held(block: Block) -> HoldCache | HoldWatch:
    """Give what holds a watch back, or an API server's watch cache, which may fall behind by a time."""
    name, *more = block.words
    if name.startswith("kube-apiserver/") or not more:
        return HoldCache(name, *[duration_in(block, time) for time in more])
    return HoldWatch(name, *more)


def killing(words: Sequence[str]) -> KillContainer | KillSandbox | StopProcess:
    """Give what kills a process, a container of a pod or its sandbox; ReconcileError if the words mean nothing."""
    name, *rest = words
    kind, _, pod = name.partition("/")
    if kind == "sandbox":
        return KillSandbox(joined((*rest, "default")[0], pod))
    if rest:
        return KillContainer(joined((*rest, "default")[1], name), rest[0])
    if "/" not in name:
        raise ReconcileError(f"kill {name!r}: a process is named kubelet/node-1; of a pod say which container")
    return StopProcess(name)


def joining(host: str, *flags: str) -> Join:
    """Give what lets a host join; ReconcileError if the words mean nothing."""
    if flags not in ((), ("--control-plane",)):
        raise ReconcileError(f"join {host} {' '.join(flags)!r}: only --control-plane can follow the host")
    return Join(host, control_plane=bool(flags))


def linked(does: str, one: str, other: str, *ways: str) -> CutLink | MendLink | SlowLink:
    """Give what cuts or mends a link, or lets it be slow; ReconcileError if the words mean nothing."""
    if does == "slow":
        return _slow(one, other, ways)
    if does not in ("cut", "mend") or ways not in ((), ("one", "way")):
        said = " ".join((does, one, other, *ways))
        raise ReconcileError(f"link {said!r} is not `link cut|mend ONE OTHER`, perhaps with `one way`")
    return (CutLink if does == "cut" else MendLink)(one, other, bool(ways))


def _slow(one: str, other: str, words: tuple[str, ...]) -> SlowLink:
    one_way = words[-2:] == ("one", "way")
    match words[:-2] if one_way else words:
        case (delay,):
            return SlowLink(one, other, parse_duration(delay), one_way=one_way)
        case (delay, jitter):
            return SlowLink(one, other, parse_duration(delay), parse_duration(jitter), one_way=one_way)
        case (delay, jitter, loss):
            return SlowLink(one, other, parse_duration(delay), parse_duration(jitter), number_in(loss), one_way)
        case _:
            said = " ".join(("slow", one, other, *words))
            raise ReconcileError(
                f"link {said!r} is not `link slow ONE OTHER DELAY [JITTER [PPM]]`, perhaps with `one way`"
            )
