"""
Reading: the forms that fields of a kubelet's configuration have, as its flags write them.

Source:   the eviction manager's parsing of thresholds; component-base's flags for maps.
Left out: nothing known.
"""

from __future__ import annotations

import re
import struct
from typing import Final

import attrs

from reconcile.api.scalars import Quantity
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration, parse_duration

SIGNALS: Final = (
    "memory.available",
    "nodefs.available",
    "nodefs.inodesFree",
    "imagefs.available",
    "imagefs.inodesFree",
    "pid.available",
)
_HUNDRED: Final = 100
_WHOLE: Final = 100 * _HUNDRED


@attrs.frozen(kw_only=True)
class Threshold:
    """
    What is too little of what a signal measures.

    Args:
        signal: what is measured.
        percent: of the host's capacity, in hundredths of a percent; 0 if *amount* says it.
        amount: in bytes, inodes or processes.
        grace: how long it may be so; 0 of a hard threshold.
        hard: whether pods get no time to end.
        reclaim: so much more must be free before it is enough again; or so many hundredths of a percent,
            *reclaim_percent*.
    """

    signal: str
    percent: int = 0
    amount: int = 0
    grace: Duration = 0
    hard: bool = True
    reclaim: int = 0
    reclaim_percent: int = 0


def quantity_of(row: Threshold, capacity: int) -> int:
    """Give how much a threshold is of *capacity*: a percentage is a number of 32 bits, as upstream's is."""
    return _share_of(row.percent, capacity) if row.percent else row.amount


def reclaim_of(row: Threshold, capacity: int) -> int:
    """Give how much more than a threshold must be free before it is enough again."""
    return _share_of(row.reclaim_percent, capacity) if row.reclaim_percent else row.reclaim


def _share_of(percent: int, capacity: int) -> int:
    return int(capacity * _narrow(_narrow(percent / _HUNDRED) / _HUNDRED))


def _narrow(number: float) -> float:
    return float(struct.unpack("f", struct.pack("f", number))[0])


def amount_of(text: str, path: str) -> int:
    """Read how much of something there is, in bytes, inodes or processes."""
    try:
        amount = Quantity.parse(text).whole
    except ReconcileError as error:
        raise ReconcileError(f"{path}: {error}") from None
    if amount < 0:
        raise ReconcileError(f"{path}: {text!r} is negative")
    return amount


def check_signal(signal: str, path: str) -> None:
    """Refuse a signal that no kubelet measures."""
    if signal not in SIGNALS:
        raise ReconcileError(f"{path}: {signal!r} is no signal; there are {', '.join(SIGNALS)}")


def policy(text: str, known: tuple[str, ...], path: str) -> str:
    """Read one of several words."""
    if text not in known:
        raise ReconcileError(f"{path}: {text!r} is no policy; there are {', '.join(known)}")
    return text


def pairs(text: str, between: str, path: str) -> list[tuple[str, str]]:
    """Read `NAME=VALUE,NAME=VALUE`."""
    rows: list[tuple[str, str]] = []
    for part in text.split(",") if text else ():
        key, found, value = part.strip().partition(between)
        if not found or not key or not value:
            raise ReconcileError(f"{path}: {part!r} is not NAME{between}VALUE")
        if key in [row[0] for row in rows]:
            raise ReconcileError(f"{path}: {key!r} is said twice")
        rows.append((key, value))
    return rows


def threshold(signal: str, text: str, path: str) -> Threshold:
    """Read what is too little of what a signal measures."""
    check_signal(signal, path)
    if text.endswith("%"):
        percent = percentage(text, path)
        if percent > _WHOLE:
            raise ReconcileError(f"{path}: {signal}: {text!r} is more than 100%")
        return Threshold(signal=signal, percent=percent)
    amount = amount_of(text, path)
    if not amount:
        raise ReconcileError(f"{path}: {signal}: {text!r} is not positive")
    return Threshold(signal=signal, amount=amount)


def percentage(text: str, path: str) -> int:
    """Read a percentage, in hundredths of a percent."""
    match = re.fullmatch(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?%", text)
    if match is None:
        raise ReconcileError(f"{path}: {text!r} is no percentage")
    return int(match[1]) * _HUNDRED + int((match[2] or "").ljust(2, "0"))


def duration(text: str, path: str) -> Duration:
    """Read how long something is."""
    try:
        span = parse_duration(text)
    except ReconcileError as error:
        raise ReconcileError(f"{path}: {error}") from None
    if span < 0:
        raise ReconcileError(f"{path}: {text!r} is negative")
    return span


def number(text: str, path: str) -> int:
    """Read a whole number."""
    if not re.fullmatch("[0-9]{1,10}", text):
        raise ReconcileError(f"{path}: {text!r} is no whole number")
    return int(text)


def truth(text: str, path: str) -> bool:
    """Read true or false."""
    if text not in ("true", "false"):
        raise ReconcileError(f"{path}: {text!r} is neither true nor false")
    return text == "true"
