"""
Members of etcd, as the words of a command say what is done to them.

Takes:    words.
Gives:    the event that they mean.
Source:   the words are etcdctl's and etcdutl's, where these have any.
"""

from __future__ import annotations

from typing import Final

from reconcile.events import (
    ChangeMember,
    Compact,
    Defragment,
    Disarm,
    FillDisk,
    ForceNewCluster,
    LoseDisk,
    MemberFault,
    MoveLeader,
    RestoreSnapshot,
    SaveSnapshot,
    SlowDisk,
    Upkeep,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import parse_duration

_BUMP: Final = "--bump-revision="
_TAKES: Final = {
    **dict.fromkeys(("add", "learner", "promote", "remove", "move", "force", "full", "empty"), "HOST"),
    "lose": "HOST [ENTRIES]",
    "save": "HOST NAME",
    "restore": "NAME HOST... [--bump-revision=N]",
    "compact": "REVISION",
    "defragment": "nothing more",
    "disarm": "nothing more",
    "slow": "HOST DELAY",
}
"""Which words there are, and what follows each."""


def ordered(words: list[str]) -> MemberFault | Upkeep:
    """Give what is to be done; ReconcileError if the words mean nothing."""
    match words:
        case ["add" | "learner" | "promote" | "remove" as kind, host]:
            return ChangeMember(kind, host)
        case ["move", host]:
            return MoveLeader(host)
        case ["lose", host]:
            return LoseDisk(host)
        case ["lose", host, entries] if entries.isdecimal():
            return LoseDisk(host, int(entries))
        case ["force", host]:
            return ForceNewCluster(host)
        case ["save", host, name]:
            return SaveSnapshot(name, host)
        case ["restore", name, *hosts] if hosts:
            return _restoring(name, hosts)
        case ["full", host]:
            return FillDisk(host)
        case ["empty", host]:
            return FillDisk(host, full=False)
        case ["compact", revision] if revision.isdecimal():
            return Compact(int(revision))
        case ["defragment"]:
            return Defragment()
        case ["disarm"]:
            return Disarm()
        case ["slow", host, delay]:
            return SlowDisk(host, parse_duration(delay))
        case _:
            raise ReconcileError(_wrong(words))


def _wrong(words: list[str]) -> str:
    said = " ".join(words)
    if words and words[0] in _TAKES:
        return f"member {said!r}: {words[0]!r} takes {_TAKES[words[0]]}"
    return f"member {said!r} is nothing that can be done to a member of etcd; there are {', '.join(sorted(_TAKES))}"


def _restoring(name: str, words: list[str]) -> RestoreSnapshot:
    *hosts, last = words
    if not last.startswith("-"):
        return RestoreSnapshot(name, tuple(words))
    bump = last.removeprefix(_BUMP)
    if not (hosts and bump != last and bump.isdecimal()):
        raise ReconcileError(f"member restore {name} {' '.join(words)!r}: only {_BUMP}N can follow the hosts")
    return RestoreSnapshot(name, tuple(hosts), int(bump))
