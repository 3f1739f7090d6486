"""Quality of service: which class a pod is of, by what its containers ask for."""

from __future__ import annotations

from typing import Any, Final

_COUNTED: Final = ("cpu", "memory")


def qos_class(spec: Any) -> str:
    """
    Give the QoS class of a pod: Guaranteed, Burstable or BestEffort.

    Guaranteed: every container has limits for cpu and memory and asks for just these. BestEffort: none asks for or is
    limited in either.
    """
    whole = spec.resources
    if whole is not None and (whole.requests or whole.limits):
        asked, guaranteed = _standing(whole)
        return "Guaranteed" if guaranteed else "Burstable" if asked else "BestEffort"
    standings = [_standing(each.resources) for each in (*spec.containers, *(spec.init_containers or ()))]
    if not any(asked for asked, _ in standings):
        return "BestEffort"
    return "Guaranteed" if all(guaranteed for _, guaranteed in standings) else "Burstable"


def _standing(resources: Any) -> tuple[bool, bool]:
    """Tell whether something is asked for or limited at all, and whether all of it is guaranteed."""
    requests = (resources.requests if resources is not None else None) or {}
    limits = (resources.limits if resources is not None else None) or {}
    asked = any(requests.get(name) or limits.get(name) for name in _COUNTED)
    guaranteed = all(limits.get(name) and requests.get(name, limits[name]) == limits[name] for name in _COUNTED)
    return asked, guaranteed
