"""
Ages: how kubectl says how long ago something was.

Source:   apimachinery's duration.HumanDuration.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any

from reconcile.lib.instant import SECOND, Duration, Instant

UNKNOWN = "<unknown>"


def human_duration(length: Duration) -> str:
    """Give *length* in at most two units, the coarser the longer it is: `5s`, `2m30s`, `3h`, `4d2h`, `2y35d`."""
    # The bounds are upstream's own: up to each of them the finer unit still matters to a reader.
    seconds = length // SECOND if length >= 0 else -(-length // SECOND)
    if seconds < -1:
        return "<invalid>"
    if seconds < 0:
        return "0s"
    if seconds < 2 * 60:
        return f"{seconds}s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if minutes < 3 * 60:
        return _two(minutes, "m", seconds % 60, "s", minutes < 10)  # noqa: PLR2004 -- see above
    if hours < 48:  # noqa: PLR2004 -- see above
        return _two(hours, "h", minutes % 60, "m", hours < 8)  # noqa: PLR2004 -- see above
    if days < 2 * 365:
        return _two(days, "d", hours % 24, "h", days < 8)  # noqa: PLR2004 -- see above
    return _two(days // 365, "y", days % 365, "d", days < 8 * 365)


def age(obj: Any, now: Instant) -> str:
    """Give the age of an API object, by its creationTimestamp."""
    return since(obj.metadata.creation_timestamp, now)


def since(time: Any, now: Instant) -> str:
    """Give how long ago a Time or MicroTime was; `<unknown>` if there is none."""
    return UNKNOWN if time is None else human_duration(now - time.instant)


def _two(coarse: int, unit: str, fine: int, finer: str, both: bool) -> str:  # noqa: FBT001 -- one caller, above
    return f"{coarse}{unit}{fine}{finer}" if both and fine else f"{coarse}{unit}"
