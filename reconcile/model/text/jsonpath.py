"""
JSON paths as Kubernetes reads them: what additionalPrinterColumns name.

    .spec.replicas   .metadata.annotations['a.b/c']   .status.conditions[?(@.type=="Ready")].status   .spec.items[*].x

Takes:    a path, plain JSON data.
Gives:    what it finds.
Source:   https://kubernetes.io/docs/reference/kubectl/jsonpath/
Left out: recursive descent, slices, unions; comparisons other than == and !=: such a path finds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

_STEP: Final = re.compile(
    r"""\.(?P<name>(?:\\.|[^.\[\]\s])+)
      | \[(?P<index>-?\d+)\]
      | \[\s*(?P<quote>['"])(?P<key>.*?)(?P=quote)\s*\]
      | \[(?P<all>\*)\]
      | \[\?\(\s*@(?P<path>(?:\.[^.\[\]\s=!<>]+|\[['"].*?['"]\])+)
        \s*(?P<how>==|!=)\s*(?P<value>"[^"]*"|'[^']*'|[\w.-]+)\s*\)\]
    """,
    re.VERBOSE,
)
_WORDS: Final[dict[str, Any]] = {"true": True, "false": False, "null": None}

_Step = tuple[str, Any]


def found_by(path: str, value: Any) -> list[Any]:
    """Give all that *path* finds in *value*; nothing if the path is none that is understood."""
    steps = _steps(path)
    values = [value]
    for kind, what in steps if steps is not None else ():
        values = [below for each in values for below in _below(each, kind, what)]
    return values if steps is not None else []


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[_Step, ...] | None:
    steps: list[_Step] = []
    at = 0
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            return None
        at = found.end()
        if found["name"] is not None:
            steps.append(("all", None) if found["name"] == "*" else ("key", re.sub(r"\\(.)", r"\1", found["name"])))
        elif found["index"] is not None:
            steps.append(("index", int(found["index"])))
        elif found["key"] is not None:
            steps.append(("key", found["key"]))
        elif found["all"]:
            steps.append(("all", None))
        else:
            steps.append(("where", (found["path"], found["how"] == "==", _literal(found["value"]))))
    return tuple(steps)


def _literal(text: str) -> Any:
    if text[0] in "\"'":
        return text[1:-1]
    if text in _WORDS:
        return _WORDS[text]
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def _below(value: Any, kind: str, what: Any) -> list[Any]:
    listed = value if isinstance(value, (list, tuple)) else []
    match kind:
        case "key":
            return [value[what]] if isinstance(value, Mapping) and what in value else []
        case "index":
            return [listed[what]] if -len(listed) <= what < len(listed) else []
        case "all":
            return list(value.values()) if isinstance(value, Mapping) else list(listed)
        case _:
            path, equal, wanted = what
            return [item for item in listed if (found_by(path, item)[:1] == [wanted]) is equal]
