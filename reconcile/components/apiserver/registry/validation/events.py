"""Validation of events that are written in events.k8s.io, which asks more of them than the core group does."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1
from reconcile.components.apiserver.refusals import Cause, Causes, required, wrong
from reconcile.components.apiserver.registry.validation.core import small
from reconcile.components.apiserver.registry.validation.parts import unchanged

_REPORTER: Final = "reportingController"
_UNSET: Final = "needs to be unset"
_LEAST_OFTEN: Final = 2


def event_causes(obj: core_v1.Event) -> Causes:
    """Say what is wrong with an event that is written in events.k8s.io."""
    return (*small.event_causes(obj, _REPORTER), *_new_causes(obj))


def event_update_causes(new: core_v1.Event, old: core_v1.Event) -> Causes:
    """Say what is wrong with an update in events.k8s.io: nothing of an event but its series may change."""
    found = [*small.event_causes(new, _REPORTER)]
    if new.series != old.series:
        found += _series_causes(new)
    for field, value, had in (
        ("involvedObject", new.involved_object, old.involved_object),
        ("reason", new.reason or "", old.reason or ""),
        ("message", new.message or "", old.message or ""),
        ("source", new.source, old.source),
        ("firstTimestamp", new.first_timestamp, old.first_timestamp),
        ("lastTimestamp", new.last_timestamp, old.last_timestamp),
        ("count", new.count or 0, old.count or 0),
        ("reason", new.reason or "", old.reason or ""),
        ("type", new.type or "", old.type or ""),
        ("eventTime", new.event_time, old.event_time),
        ("action", new.action or "", old.action or ""),
        ("related", new.related, old.related),
        ("reportingController", new.reporting_component or "", old.reporting_component or ""),
        ("reportingInstance", new.reporting_instance or "", old.reporting_instance or ""),
    ):
        found += unchanged(field, value, had)
    return tuple(found)


def _new_causes(obj: core_v1.Event) -> list[Cause]:
    found = _series_causes(obj)
    if obj.event_time is None:
        found.append(required("eventTime"))
    if obj.type not in ("Normal", "Warning"):
        found.append(wrong("type", "", f"has invalid value: {obj.type or ''}"))
    source: Any = obj.source
    for field, value in (
        ("firstTimestamp", obj.first_timestamp),
        ("lastTimestamp", obj.last_timestamp),
        ("count", obj.count),
        ("source", source is not None and (source.component or source.host)),
    ):
        if value:
            found.append(wrong(field, "", _UNSET))
    return found


def _series_causes(obj: core_v1.Event) -> list[Cause]:
    if obj.series is None:
        return []
    found: list[Cause] = []
    if (obj.series.count or 0) < _LEAST_OFTEN:
        found.append(wrong("series.count", "", f"should be at least {_LEAST_OFTEN}"))
    if obj.series.last_observed_time is None:
        found.append(required("series.lastObservedTime"))
    return found
