"""Saying: what a check finds about a pod, in upstream's words, and the parts that checks look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

# A check's reason and detail; None if there is nothing to say.
Finding = tuple[str, str] | None
Check = Callable[[Any, Any], Finding]


def containers_of(spec: Any) -> tuple[Any, ...]:
    """Give every container: those that run first, the usual ones, those for debugging."""
    return (*(spec.init_containers or ()), *spec.containers, *(spec.ephemeral_containers or ()))


def context_of(part: Any, field: str) -> Any:
    """Give a field of the security context of a pod's specification or container; None if it says nothing."""
    return None if part.security_context is None else getattr(part.security_context, field)


def quoted(texts: Iterable[str]) -> str:
    """Write texts in double quotes, with commas."""
    return ", ".join([f'"{text}"' for text in texts])


def plural(count: int, one: str, many: str = "") -> str:
    """Give the word for so many."""
    return one if count == 1 else many or f"{one}s"


def named(containers: list[str]) -> str:
    """Name containers: `container "a"`, `containers "a", "b"`."""
    return f"{plural(len(containers), 'container')} {quoted(containers)}"


def setters(pod: bool, containers: list[str]) -> str:  # noqa: FBT001 -- whether the pod is one of them
    """Name those who set something: `pod and container "a"`."""
    return " and ".join((["pod"] if pod else []) + ([named(containers)] if containers else []))


def is_windows(spec: Any) -> bool:
    """Tell whether the pod says that it is for Windows."""
    return spec.os is not None and spec.os.name == "windows"


def has_users_of_its_own(spec: Any) -> bool:
    """Tell whether the pod runs in a user namespace."""
    return spec.host_users is False
