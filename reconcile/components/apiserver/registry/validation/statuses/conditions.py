"""Conditions of meta/v1: what each has to say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from reconcile.components.apiserver.refusals import Cause, Causes, duplicate, not_supported, required, too_long, wrong
from reconcile.model.text import names

TRUTHS: Final = ("False", "True", "Unknown")
_FORM: Final = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
_REASON: Final = re.compile(_FORM)
_NO_REASON: Final = (
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric"
    " characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME', "
    f" or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '{_FORM}')"
)
_LONGEST_REASON: Final = 1024
_LONGEST_MESSAGE: Final = 32 * 1024


def once(conditions: Sequence[Any]) -> Iterator[tuple[int, bool]]:
    """Give each condition's place, and whether one of its type stands before it."""
    seen: set[str] = set()
    for place, condition in enumerate(conditions):
        yield place, condition.type in seen
        seen.add(condition.type)


def conditions_causes(field: str, conditions: Sequence[Any] | None) -> Causes:
    """Say what is wrong with a list of conditions."""
    found: list[Cause] = []
    for place, again in once(conditions or ()):
        condition, here = (conditions or ())[place], f"{field}[{place}]"
        found += [duplicate(f"{here}.type", condition.type)] if again else []
        found += [wrong(f"{here}.type", condition.type, fault) for fault in names.qualified_faults(condition.type)]
        if condition.status not in TRUTHS:
            found.append(not_supported(f"{here}.status", condition.status, TRUTHS))
        if (condition.observed_generation or 0) < 0:
            said = "must be greater than or equal to zero"
            found.append(wrong(f"{here}.observedGeneration", condition.observed_generation, said))
        found += [] if condition.last_transition_time else [required(f"{here}.lastTransitionTime")]
        found += _reason_causes(f"{here}.reason", condition.reason)
        if len((condition.message or "").encode()) > _LONGEST_MESSAGE:
            found.append(too_long(f"{here}.message", _LONGEST_MESSAGE))
    return tuple(found)


def _reason_causes(field: str, reason: str) -> list[Cause]:
    if not reason:
        return [required(field)]
    found = [] if _REASON.fullmatch(reason) else [wrong(field, reason, _NO_REASON)]
    return found + ([too_long(field, _LONGEST_REASON)] if len(reason.encode()) > _LONGEST_REASON else [])
