"""
Space: how much a store takes, and what happens when it is full.

etcd takes writes until its file has come to its quota; then it raises the alarm NOSPACE and takes nothing that needs
room until somebody makes some. Compaction gives room back within the file; only defragmentation makes the file smaller;
the alarm stands until it is disarmed.

Takes:    a Store with a quota.
Gives:    a Store with the room that it has.
Source:   https://etcd.io/docs/v3.6/op-guide/maintenance/#space-quota
Left out: see docs/limits.md, "etcd".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from reconcile.lib.quick import quick

NO_SPACE: Final = "etcdserver: mvcc: database space exceeded"

# What a revision takes beside its value: its key, revisions, lease, and its part of a page. A deletion has no value.
_REVISION: Final = 128


@quick
@attrs.frozen(weakref_slot=False)
class Space:
    """
    What a store may take, and takes, in bytes.

    Args:
        quota: when the file has come to this, nothing more is taken.
        used: what its live keys and kept history take.
        file: how large its file is: it only grows, until it is defragmented.
        alarm: whether NOSPACE is raised.
    """

    quota: int
    used: int = 0
    file: int = 0
    alarm: bool = False

    def with_more(self, more: int) -> Space:
        """Give this with so much more used."""
        used = self.used + more
        return attrs.evolve(self, used=used, file=max(self.file, used))


def weight(value: Any) -> int:
    """
    Estimate what one revision takes that has this value; None: a deletion.

    Texts count with their letters, numbers and the marks of fields with what protobuf takes for them, roughly.
    """
    return _REVISION + (0 if value is None else _weight(value))


def _weight(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, str):
        return len(value) + 2
    if isinstance(value, bool | int | float):
        return 4
    if isinstance(value, Mapping):
        return sum([_weight(key) + _weight(each) + 2 for key, each in value.items()])
    if isinstance(value, tuple | list):
        return sum([_weight(each) + 2 for each in value])
    if attrs.has(value.__class__):
        fields = [getattr(value, field.name) for field in attrs.fields(value.__class__)]
        return sum([_weight(each) + 2 for each in fields if each is not None])
    return len(str(value)) + 2
