"""
Write the schemas of reconcile's own vocabulary: events.json, effects.json, requests.json, topology.json, pipe.json,
control.json.

    python schemas/generate_own.py           write them
    python schemas/generate_own.py --check   compare them with what is checked in; exit status 1 if they differ

Their source is what reconcile.driver.wire reads and writes by: the attrs classes, their types and their docstrings.
"""
# ruff: noqa: INP001, T201, TID251 -- a script beside the schemas it writes, which says what it wrote and writes files

import argparse
import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any, Final, get_args

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from reconcile import effects, events  # noqa: E402 -- found by the line above
from reconcile.adapters.http.asking import Body  # noqa: E402
from reconcile.adapters.pipe import Boot, Command  # noqa: E402
from reconcile.api._resources import KINDS  # noqa: E402
from reconcile.cluster.topology import Topology  # noqa: E402
from reconcile.components.kubeproxy import RuleSet  # noqa: E402
from reconcile.components.kubeproxy.ports import Backed  # noqa: E402
from reconcile.driver.wire.shapes import (  # noqa: E402
    choices_of,
    entry_of,
    fields_of,
    is_api_class,
    is_wide,
    item_of,
    may_be_null,
    row_of,
    tag_of,
    words_of,
)
from reconcile.model.balancers import Balancer  # noqa: E402
from reconcile.model.behaviours import (  # noqa: E402
    Amount,
    Behaviour,
    Behaviours,
    Cause,
    Curve,
    Ending,
    Fill,
    Hazard,
    Line,
    Reply,
    Rule,
    Span,
    Work,
)
from reconcile.model.behaviours.registries import Fault, Registry  # noqa: E402
from reconcile.model.clouds import Cloud  # noqa: E402
from reconcile.model.devices import DeviceDriver, DevicePool  # noqa: E402
from reconcile.model.drivers import Driver, DriverFault  # noqa: E402
from reconcile.model.hosts import Host  # noqa: E402
from reconcile.model.links import Link  # noqa: E402
from reconcile.model.requests import List, Request, Response, User  # noqa: E402

SCHEMAS: Final = Path("schemas")
BASE: Final = "https://reconcile.invalid/schemas"
WIDTH: Final = 120

CLUSTER_EVENTS: Final = get_args(events.ClusterEvent)
REPORTS: Final = get_args(events.RuntimeReport)
OUTSIDE_EFFECTS: Final = get_args(effects.OutsideEffect)
COMMANDS: Final = get_args(Command)
BODIES: Final = get_args(Body)
ORDERS: Final = (*get_args(effects.RuntimeOrder), effects.Install)

# The file in which each class is defined.
HOMES: Final[dict[Any, str]] = {
    **dict.fromkeys((*CLUSTER_EVENTS, *REPORTS), "events.json"),
    **dict.fromkeys((*OUTSIDE_EFFECTS, *ORDERS, RuleSet, Backed), "effects.json"),
    **dict.fromkeys((Request, Response, User, List), "requests.json"),
    **dict.fromkeys((Boot, *COMMANDS), "pipe.json"),
    **dict.fromkeys(BODIES, "control.json"),
    **dict.fromkeys(
        (
            Topology,
            Host,
            Driver,
            DriverFault,
            Balancer,
            Link,
            DeviceDriver,
            DevicePool,
            Cloud,
            Behaviours,
            Behaviour,
            Rule,
            Reply,
            Ending,
            Hazard,
            Cause,
            Fill,
            Work,
            Line,
            Span,
            Amount,
            Curve,
            Registry,
            Fault,
        ),
        "topology.json",
    ),
}
TITLES: Final = {
    "events.json": ("What a cluster is stepped by", CLUSTER_EVENTS),
    "effects.json": ("What leaves a cluster's step for the outside world", OUTSIDE_EFFECTS),
    "requests.json": ("A request to the API server", (Request,)),
    "topology.json": ("The machines of a cluster", (Topology,)),
    "pipe.json": ("A line that reconcile step reads", COMMANDS),
    "control.json": ("What a request to control carries; each of $defs at a path of its own", BODIES),
}
SCALARS: Final[dict[Any, str]] = {str: "string", int: "integer", bool: "boolean"}


def main() -> int:
    """Write every output, or compare it with what is there."""
    parser = argparse.ArgumentParser(description="Generate the schemas of reconcile's own vocabulary.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if anything would change")
    arguments = parser.parse_args()
    stale = differences()
    if arguments.check:
        for path in stale:
            print(f"not up to date: {path}")
        return 1 if stale else 0
    for written, text in outputs().items():
        (ROOT / written).write_text(text, encoding="utf-8")
    for path in stale:
        print(f"wrote {path}")
    return 0


def differences() -> list[str]:
    """Return the paths of outputs that are missing or differ."""
    return [
        str(path)
        for path, text in outputs().items()
        if not (ROOT / path).exists() or (ROOT / path).read_text(encoding="utf-8") != text
    ]


def outputs() -> dict[Path, str]:
    """Return the text of every output by its path in the repository."""
    return {SCHEMAS / name: _text(_document(name)) for name in TITLES}


def _document(name: str) -> dict[str, Any]:
    title, tops = TITLES[name]
    references: list[dict[str, Any]] = [{"$ref": _reference(cls, name)} for cls in tops]
    if name == "pipe.json":
        boot = {"type": "object", "properties": {"boot": {"$ref": "#/$defs/Boot"}}, "required": ["boot"]}
        references = [{**boot, "additionalProperties": False}, {"$ref": "events.json"}, *references]
    document: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{BASE}/{name}",
        "$comment": "generated by schemas/generate_own.py; do not edit",
        "title": title,
        **(references[0] if len(references) == 1 else {"oneOf": references}),
        "$defs": {cls.__name__: _definition(cls, name) for cls, home in HOMES.items() if home == name},
    }
    if name == "requests.json":
        document["$defs"] |= {"object": _object(), "List": _list()}
    return document


def _definition(cls: Any, name: str) -> dict[str, Any]:
    tag, own = tag_of(cls)
    summary, said = _docstring(cls)
    fields = fields_of(cls)
    properties: dict[str, Any] = {tag: {"const": own}} if tag else {}
    for field in fields:
        content = _schema(field.shape, name)
        if field.name in said:
            content = {"description": said[field.name], **content}
        if field.default.__class__ in SCALARS:
            content = {**content, "default": field.default}
        properties[field.json] = content
    definition: dict[str, Any] = {
        "description": summary,
        "type": "object",
        "properties": properties,
        "required": [*([tag] if tag else []), *[field.json for field in fields if field.required]],
        "additionalProperties": False,
    }
    if cls is Request:
        definition["if"] = {"properties": {"verb": {"const": "patch"}}}
        definition["else"] = {"properties": {"body": {"anyOf": [{"$ref": "#/$defs/object"}, {"type": "null"}]}}}
    return definition


def _schema(shape: Any, name: str) -> dict[str, Any]:
    choices = choices_of(shape)
    if len(choices) > 1:
        return {"oneOf": [{"$ref": _reference(cls, name)} for cls in choices]}
    if may_be_null(shape):
        return {"anyOf": [_schema(choices[0], name), {"type": "null"}]}
    shape = choices[0]
    if shape in SCALARS:
        return {"type": SCALARS[shape]}
    if is_wide(shape):
        return {"type": ["string", "integer"], "pattern": "^(0|-?[1-9][0-9]*)$"}
    if words_of(shape):
        return {"enum": list(words_of(shape))}
    if (item := item_of(shape)) is not None:
        return {"type": "array"} if item is Any else {"type": "array", "items": _schema(item, name)}
    if (entry := entry_of(shape)) is not None:
        return {"type": "object", "additionalProperties": _schema(entry, name)}
    if (row := row_of(shape)) is not None:
        pair = {"type": "array", "prefixItems": [{"type": "string"}, _schema(row, name)], "minItems": 2, "items": False}
        return {"type": "array", "items": pair}
    return _special(shape, name)


def _special(shape: Any, name: str) -> dict[str, Any]:
    if shape == "body":
        return {}  # what it is depends on the verb
    if shape == "free":
        return {}  # whatever JSON says
    if shape == "object":
        return {"$ref": f"{'' if name == 'requests.json' else 'requests.json'}#/$defs/object"}
    if shape == "answer":
        anything = [{"$ref": "#/$defs/List"}, {"$ref": "#/$defs/object"}, {"type": "null"}]
        return {"anyOf": anything}
    if shape is Behaviours:
        exactly = {
            "type": "object",
            "properties": {"exactly": {"$ref": "#/$defs/Behaviours"}},
            "required": ["exactly"],
            "additionalProperties": False,
        }
        return {"anyOf": [{"$ref": "behaviours.json"}, exactly]}
    if is_api_class(shape):
        return {"$ref": _kubernetes(shape.__module__.rpartition(".")[2], shape.__name__)}
    return {"$ref": _reference(shape, name)}


def _object() -> dict[str, Any]:
    """Return the schema of an API object: by its apiVersion and kind, or wrapped with the name of its class."""
    wrapped = {
        "properties": {"is": {"type": "string", "pattern": r"^[a-z0-9_]+\.[A-Za-z]+$"}, "value": {"type": "object"}},
        "required": ["is", "value"],
        "additionalProperties": False,
    }
    kinds = [
        {
            "if": {
                "properties": {"apiVersion": {"const": version}, "kind": {"const": kind}},
                "required": ["apiVersion", "kind"],
            },
            "then": {"$ref": _kubernetes(module, kind)},
        }
        for (version, kind), module in sorted(KINDS.items())
    ]
    return {
        "description": "An API object as Kubernetes writes it; wrapped where neither it nor its place says what it is.",
        "type": "object",
        "if": {"required": ["is"]},
        "then": wrapped,
        "else": {"allOf": kinds},
    }


def _list() -> dict[str, Any]:
    """Return the schema of a list as Kubernetes writes it: PodList."""
    return {
        "description": "The objects that a list found.",
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string", "pattern": "List$"},
            "resource": {
                "description": "the resource's key, where Kubernetes does not define it",
                "type": "string",
            },
            "metadata": {"$ref": _kubernetes("meta_v1", "ListMeta")},
            "items": {"type": "array", "items": {"$ref": "#/$defs/object"}},
        },
        "required": ["apiVersion", "kind", "metadata", "items"],
        "additionalProperties": False,
    }


def _reference(cls: Any, name: str) -> str:
    home = HOMES[cls]
    return f"{'' if home == name else home}#/$defs/{cls.__name__}"


def _kubernetes(module: str, kind: str) -> str:
    """Return the reference to a class of reconcile.api: rbac_v1 is kubernetes/rbac.authorization.k8s.io/v1.json."""
    group, _, version = module.rpartition("_")
    folder = next(path.name for path in (ROOT / SCHEMAS / "kubernetes").iterdir() if path.name.split(".")[0] == group)
    return f"kubernetes/{folder}/{version}.json#/$defs/{kind}"


def _docstring(cls: Any) -> tuple[str, dict[str, str]]:
    """Return the first sentence or two of a class's docstring, and what it says of each field."""
    text = inspect.getdoc(cls) or ""
    head, _, arguments = text.partition("Args:")
    said = {}
    for match in re.finditer(r"^    (\w+): (.*(?:\n {6,}.*)*)", arguments, re.MULTILINE):
        said[match[1]] = " ".join(match[2].split())
    return _unmarked(head), {name: _unmarked(words) for name, words in said.items()}


def _unmarked(text: str) -> str:
    return re.sub(r"\*(\w+)\*", r"\1", " ".join(text.split()).replace("`", ""))


def _text(document: dict[str, Any]) -> str:
    return _laid_out(document, "") + "\n"


def _laid_out(value: Any, margin: str, before: int = 0) -> str:
    """Return JSON that breaks lines only where one would be too long."""
    line = json.dumps(value, ensure_ascii=False)
    if len(margin) + before + len(line) + 1 <= WIDTH or not isinstance(value, dict | list) or not value:
        return line
    inner = margin + "  "
    if isinstance(value, dict):
        keys = [json.dumps(key) for key in value]
        parts = [
            f"{inner}{key}: {_laid_out(entry, inner, len(key) + 2)}"
            for key, entry in zip(keys, value.values(), strict=True)
        ]
        return "{\n" + ",\n".join(parts) + f"\n{margin}}}"
    return "[\n" + ",\n".join([inner + _laid_out(entry, inner) for entry in value]) + f"\n{margin}]"


if __name__ == "__main__":
    sys.exit(main())
