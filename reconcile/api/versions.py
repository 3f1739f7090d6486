"""
Versions: objects that are stored in one shape and served in several.

A HorizontalPodAutoscaler is stored as autoscaling/v2 has it, an Event as the core group has it, a LeaseCandidate as
coordination.k8s.io/v1beta1.

Source:   the conversions of pkg/apis/autoscaling/v1 and of pkg/apis/events/v1.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconcile.api import (
    autoscalers,
    autoscaling_v1,
    autoscaling_v2,
    coordination_v1alpha2,
    coordination_v1beta1,
    core_v1,
    events_v1,
)
from reconcile.lib.replacing import replace

_EVENTS: Final = "events.k8s.io/v1"
_CANDIDATES: Final = "coordination.k8s.io/v1alpha2"


def stored(obj: Any) -> Any:
    """Give an object in the shape in which it is stored: itself if there is but one."""
    convert = _STORED.get(obj.__class__)
    return obj if convert is None else convert(obj)


def served(obj: Any, api_version: str) -> Any:
    """Give a stored object as *api_version* has it: itself if that is no other shape."""
    convert = _SERVED.get((obj.__class__, api_version))
    return obj if convert is None else convert(obj)


def is_stored_in_another(cls: type) -> bool:
    """Tell whether objects of a class are not, or not alone, in the shape in which they are stored."""
    return cls in _STORED or any(cls is stored for stored, _ in _SERVED)


def spoken(resource: str, version: str) -> str:
    """Give the apiVersion that a client speaks who asks of *resource* in *version*; empty if none was named."""
    if not version or "/" in version:
        return version
    group = resource.partition(".")[2]
    return f"{group}/{version}" if group else version


def _core_event(event: events_v1.Event) -> core_v1.Event:
    series = event.series
    return core_v1.Event(
        api_version="v1",
        kind="Event",
        metadata=event.metadata,  # type: ignore[arg-type]  # one without is refused later
        involved_object=event.regarding or core_v1.ObjectReference(),
        action=event.action,
        count=event.deprecated_count,
        event_time=event.event_time,
        first_timestamp=event.deprecated_first_timestamp,
        last_timestamp=event.deprecated_last_timestamp,
        source=event.deprecated_source,
        message=event.note,
        reason=event.reason,
        related=event.related,
        reporting_component=event.reporting_controller,
        reporting_instance=event.reporting_instance,
        series=None
        if series is None
        else core_v1.EventSeries(count=series.count, last_observed_time=series.last_observed_time),
        type=event.type,
    )


def _new_event(event: core_v1.Event) -> events_v1.Event:
    series = event.series
    return events_v1.Event(
        api_version=_EVENTS,
        kind="Event",
        metadata=event.metadata,
        regarding=event.involved_object,
        action=event.action,
        deprecated_count=event.count,
        event_time=event.event_time,  # type: ignore[arg-type]  # the core group has events without
        deprecated_first_timestamp=event.first_timestamp,
        deprecated_last_timestamp=event.last_timestamp,
        deprecated_source=event.source,
        note=event.message,
        reason=event.reason,
        related=event.related,
        reporting_controller=event.reporting_component,
        reporting_instance=event.reporting_instance,
        series=None
        if series is None
        else events_v1.EventSeries(
            count=series.count or 0,
            last_observed_time=series.last_observed_time,  # type: ignore[arg-type]  # as event_time
        ),
        type=event.type,
    )


def _beta_candidate(obj: coordination_v1alpha2.LeaseCandidate) -> coordination_v1beta1.LeaseCandidate:
    spec = coordination_v1beta1.LeaseCandidateSpec(**_fields(obj.spec))
    return coordination_v1beta1.LeaseCandidate(metadata=obj.metadata, spec=spec)


def _alpha_candidate(obj: coordination_v1beta1.LeaseCandidate) -> coordination_v1alpha2.LeaseCandidate:
    spec = coordination_v1alpha2.LeaseCandidateSpec(**_fields(obj.spec))
    return coordination_v1alpha2.LeaseCandidate(metadata=obj.metadata, spec=spec)


def _fields(spec: Any) -> dict[str, Any]:
    # The two versions have the same.
    return {
        "binary_version": spec.binary_version,
        "emulation_version": spec.emulation_version,
        "lease_name": spec.lease_name,
        "ping_time": spec.ping_time,
        "renew_time": spec.renew_time,
        "strategy": spec.strategy,
    }


_STORED: Final[Mapping[Any, Callable[[Any], Any]]] = {
    autoscaling_v1.HorizontalPodAutoscaler: autoscalers.as_v2,
    coordination_v1alpha2.LeaseCandidate: _beta_candidate,
    events_v1.Event: _core_event,
}
_SERVED: Final[Mapping[tuple[Any, str], Callable[[Any], Any]]] = {
    (autoscaling_v2.HorizontalPodAutoscaler, autoscalers.V1): autoscalers.as_v1,
    (coordination_v1beta1.LeaseCandidate, _CANDIDATES): _alpha_candidate,
    (core_v1.Event, _EVENTS): _new_event,
}


def unlike(obj: Any, api_version: str) -> Any:
    """Give a Status that speaks of the core group's events in the words of *api_version*'s group."""
    if api_version != _EVENTS or getattr(obj, "kind", None) != "Status" or not obj.details:
        return obj
    details, message = obj.details, obj.message
    # An invalid event is the core group's, however it was written.
    if details.group or details.kind != "events":
        return obj
    if message is not None:
        message = message.replace('events "', 'events.events.k8s.io "', 1)
    return replace(obj, message=message, details=replace(details, group="events.k8s.io"))
