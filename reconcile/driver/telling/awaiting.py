"""
Awaiting: conditions upon one object, in the words of `kubectl wait --for`.

    condition=Available[=VALUE]       a condition of its status, true unless said otherwise
    jsonpath={.status.phase}[=VALUE]  a field; without a value it need only be there
    create, delete                    it is there; it is not
    converged                         it has become what it declares, as `reconcile run` means it

Takes:    the text, and an object or None.
Gives:    whether it holds.
Source:   kubectl wait.
Left out: of JSONPath all but fields, ['fields'], [places] and [*].
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from reconcile.api.convert import dump
from reconcile.driver.telling.convergence import shortfall
from reconcile.lib.errors import ReconcileError

Holds = Callable[[Any], bool]

_STEP: Final = re.compile(r"\.(?P<field>(?:[^.\[\]\\]|\\.)+)|\['(?P<quoted>[^']+)'\]|\[(?P<place>-?\d+|\*)\]")


def condition(text: str, resource: str) -> Holds:
    """
    Give what tells whether *text* holds for an object of the resource with this key, or for None, which is none.

    Raises:
        ReconcileError: *text* is no condition.
    """
    kind, _, rest = text.partition("=")
    if kind == "create" and not rest:
        return lambda obj: obj is not None
    if kind == "delete" and not rest:
        return lambda obj: obj is None
    if kind == "converged" and not rest:
        return lambda obj: not shortfall(resource, obj)
    if kind == "condition" and rest:
        name, _, value = rest.partition("=")
        return lambda obj: obj is not None and _has_condition(dump(obj), name, value or "True")
    if kind == "jsonpath" and rest:
        path, found, value = _split(rest)
        steps = _steps(path)
        return lambda obj: obj is not None and _field_is(dump(obj), steps, value if found else None)
    raise ReconcileError(
        f"for: {text!r} is none of condition=NAME[=VALUE], jsonpath={{PATH}}[=VALUE], create, delete, converged"
    )


def _split(rest: str) -> tuple[str, str, str]:
    """Take `{.a.b}=value` apart; an equals sign within the braces is the path's."""
    end = rest.rfind("}") if rest.startswith(("{", "'{")) else rest.find("=") - 1
    if end < 0:
        return rest, "", ""
    path, after = rest[: end + 1], rest[end + 1 :].lstrip("'")
    return path, after[:1], after[1:]


def _steps(path: str) -> tuple[str | int, ...]:
    inner = path.strip("'").removeprefix("{").removesuffix("}")
    inner = inner if inner.startswith((".", "[")) else f".{inner}"
    steps: list[str | int] = []
    place = 0
    while place < len(inner):
        match = _STEP.match(inner, place)
        if match is None:
            raise ReconcileError(f"for: {path!r} is no path such as {{.status.phase}}: see {inner[place:]!r}")
        place = match.end()
        if match["place"] is not None:
            steps.append(match["place"] if match["place"] == "*" else int(match["place"]))
        else:
            steps.append(match["quoted"] or re.sub(r"\\(.)", r"\1", match["field"]))
    return tuple(steps)


def _has_condition(content: dict[str, Any], name: str, value: str) -> bool:
    status = content.get("status") or {}
    generation = content["metadata"].get("generation")
    for row in status.get("conditions") or ():
        if row.get("type", "").lower() == name.lower():
            # Source: kubectl wait: a condition that was observed of an older generation says nothing of this one.
            seen = row.get("observedGeneration", status.get("observedGeneration"))
            if seen is not None and generation is not None and seen < generation:
                return False
            return str(row.get("status", "")).lower() == value.lower()
    return False


def _field_is(content: Any, steps: tuple[str | int, ...], value: str | None) -> bool:
    found = [content]
    for step in steps:
        found = [below for each in found for below in _below(each, step)]
    if value is None:
        return any(each is not None for each in found)
    return bool(found) and all(_text(each) == value for each in found)


def _below(content: Any, step: str | int) -> list[Any]:
    if step == "*":
        return (
            list(content.values()) if isinstance(content, dict) else list(content) if isinstance(content, list) else []
        )
    if isinstance(step, int):
        inside = isinstance(content, list) and -len(content) <= step < len(content)
        return [content[step]] if inside else []
    return [content[step]] if isinstance(content, dict) and step in content else []


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
