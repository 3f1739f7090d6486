"""The part of schemas/generate.py that writes reconcile/api/_zeros.py, _internals.py and _rules.py."""
# ruff: noqa: INP001, TID251 -- a part of a script, which reads files

import json
from pathlib import Path
from typing import Any


def zeros_module(facts: Path, definitions: dict[str, Any], head: str) -> str:
    """Return the module that says what each class has where nothing is said, and which classes are atomic."""
    zeros: dict[str, dict[str, Any]] = json.loads(facts.read_text(encoding="utf-8"))["zeros"]
    for cls, fields in zeros.items():
        unknown = set(fields) - set(definitions.get(cls, {}).get("properties", {}))
        if unknown:
            raise SystemExit(f"{facts}: {cls} has no fields {sorted(unknown)}")
    lines = [f"    {json.dumps(cls)}: {fields!r}," for cls, fields in sorted(zeros.items())]
    atomic = sorted(cls for cls, schema in definitions.items() if schema.get("x-kubernetes-map-type") == "atomic")
    names = "\n".join(f"    {json.dumps(cls)}," for cls in atomic)
    return (
        f'"""What classes of Kubernetes have where nothing is said; {head}."""\n'
        "\n"
        "from typing import Any\n"
        "\n"
        "# By class and JSON name: what Go has, and writes, as it knows no absence there; {} is a struct.\n"
        "ZEROS: dict[str, dict[str, Any]] = {\n" + "\n".join(lines) + "\n}\n"
        "\n"
        "# Classes that are written and owned as a whole.\n"
        "ATOMIC: frozenset[str] = frozenset({\n" + names + "\n})\n"
    )


def internals_module(facts: Path, definitions: dict[str, Any], head: str) -> str:
    """Return the module that says how the API server's own form of each class looks."""
    internals: dict[str, list[list[Any]]] = json.loads(facts.read_text(encoding="utf-8"))["internals"]
    for cls, fields in internals.items():
        known = set(definitions.get(cls, {}).get("properties", {}))
        unknown = {json_name for _, json_name, _ in fields} - known - {""}
        if unknown:
            raise SystemExit(f"{facts}: {cls} has no fields {sorted(unknown)}")
    lines = [
        f"    {json.dumps(cls)}: {tuple([tuple(field) for field in fields])!r},"
        for cls, fields in sorted(internals.items())
    ]
    return (
        f'"""How the API server writes classes of Kubernetes in its messages; {head}."""\n'
        "\n"
        "from typing import Any\n"
        "\n"
        "# By class, in order: a field's name there, its name in JSON (empty if it has none), and what it has where\n"
        "# nothing is said; {} is a struct.\n"
        "INTERNALS: dict[str, tuple[tuple[str, str, Any], ...]] = {\n" + "\n".join(lines) + "\n}\n"
    )


def rules_module(definitions: dict[str, Any], of: str, head: str) -> str:
    """Return the module that says how each list and map of each class is merged."""
    lines = []
    for cls, schema in definitions.items():
        rules = {key: _rule(value) for key, value in schema.get("properties", {}).items() if _rule(value) is not None}
        if rules:
            inner = ", ".join(f"{json.dumps(key)}: {rule!r}" for key, rule in rules.items())
            lines.append(f'    "{cls}": {{{inner}}},')
    return (
        f'"""How lists and maps of {of} are merged; {head}."""\n'
        "\n"
        "# By class and JSON name: list or map type, keys of a map list, patch strategy, patch merge key.\n"
        "RULES: dict[str, dict[str, tuple[str, tuple[str, ...], str, str]]] = {\n" + "\n".join(lines) + "\n}\n"
    )


def _rule(schema: dict[str, Any]) -> tuple[str, tuple[str, ...], str, str] | None:
    rule = (
        schema.get("x-kubernetes-list-type") or schema.get("x-kubernetes-map-type") or "",
        tuple(schema.get("x-kubernetes-list-map-keys", ())),
        schema.get("x-kubernetes-patch-strategy", ""),
        schema.get("x-kubernetes-patch-merge-key", ""),
    )
    return rule if any(rule) else None
