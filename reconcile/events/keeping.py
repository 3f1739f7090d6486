"""What is done to etcd and its members, and what can happen to them."""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

from reconcile.lib.instant import Duration
from reconcile.lib.quick import quick


@quick
@attrs.frozen(weakref_slot=False)
class Compact:
    """Compact the store's history up to *revision*: watches that lag behind it must relist."""

    revision: int


@quick
@attrs.frozen(weakref_slot=False)
class Defragment:
    """What `etcdctl defrag --cluster` does: the files of etcd become as large as what is used of them."""


@quick
@attrs.frozen(weakref_slot=False)
class Disarm:
    """What `etcdctl alarm disarm` does: etcd takes writes again, until it has no room for one."""


# Several members of etcd: what is done to them, and what can happen to them.


@quick
@attrs.frozen(weakref_slot=False)
class DropMessage:
    """Lose a message between two members of etcd, or between applications, that is on its way."""

    message: int


@quick
@attrs.frozen(weakref_slot=False)
class SlowDisk:
    """Let each write of the member on *host* take so long from now on; 0: no time, as before."""

    host: str
    delay: Duration


@quick
@attrs.frozen(weakref_slot=False)
class FillDisk:
    """
    Let the disk of the member on *host* be full, or, with *full* false, have room again.

    A member that cannot write its log ends; its kubelet starts it again, and it ends again with its next write.
    """

    host: str
    full: bool = True


@quick
@attrs.frozen(weakref_slot=False)
class LoseDisk:
    """Let the disk of a member that does not run lose its last *entries* of the log; 0: all that is on it."""

    host: str
    entries: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class MoveLeader:
    """What `etcdctl move-leader` does: the member that leads hands over to that on *host*."""

    host: str


@quick
@attrs.frozen(weakref_slot=False)
class ChangeMember:
    """
    What `etcdctl member add`, `add --learner`, `promote` and `remove` do, with the member on *host*.

    Who is added begins with nothing, once its host runs etcd (`WriteManifest`).

    Args:
        kind: the change; a learner gets the log and has no vote.
        host: any; that of the only member may get others, which makes a cluster of one a cluster of several.
    """

    kind: Literal["add", "learner", "promote", "remove"]
    host: str


@quick
@attrs.frozen(weakref_slot=False)
class SaveSnapshot:
    """What `etcdctl snapshot save` does: keep, under *name*, what the member on *host* has applied."""

    name: str
    host: str


@quick
@attrs.frozen(weakref_slot=False)
class RestoreSnapshot:
    """
    What `etcdutl snapshot restore` does on each of *hosts*: they begin a new cluster with the snapshot of this name.

    None of the members may run. Hosts that carried none have one from then on, once they run etcd; the hosts of the
    others are left with empty disks.

    Args:
        name: as which it was saved.
        hosts: those of the new cluster's members.
        bump: as of `--bump-revision` with `--mark-compacted`: revisions go on so much further, and all before is
            compacted, so that whoever has seen more than the snapshot lists again; 0: it waits until that is reached.
    """

    name: str
    hosts: tuple[str, ...]
    bump: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class ForceNewCluster:
    """What `--force-new-cluster` does: the member on *host*, which does not run, begins alone, with its data."""

    host: str


Upkeep: TypeAlias = Compact | Defragment | Disarm
"""What an operator asks of etcd's store as a whole."""

MemberFault: TypeAlias = (
    DropMessage
    | SlowDisk
    | FillDisk
    | LoseDisk
    | MoveLeader
    | ChangeMember
    | SaveSnapshot
    | RestoreSnapshot
    | ForceNewCluster
)
"""What is done to members of etcd, and what can happen to them."""
