"""
CEL's type checker: what an expression will give, and what cannot work whatever the values are.

Takes:    a Node, the types of the variables, a library.
Gives:    its Type, and Issues in cel-go's words.
Source:   https://github.com/google/cel-spec/blob/master/doc/langdef.md#gradual-type-checking; cel-go's checker.
Left out: see docs/limits.md, "Custom resources".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, assert_never

import attrs

from reconcile.lib.cel.standard import duration, timestamp
from reconcile.lib.cel.syntax import (
    Call,
    Comprehension,
    Issue,
    ListOf,
    Literal,
    MapOf,
    Name,
    Node,
    Select,
    Struct,
)
from reconcile.lib.cel.types import BOOL, DYN, ERROR, INT, NULL, Library, Overload, Type, list_of, map_of, optional_of
from reconcile.lib.cel.values import CelError, type_name
from reconcile.lib.errors import ReconcileError
from reconcile.lib.regexp import compiled

TYPES: Final = frozenset(
    ["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "uint", "type", "duration", "timestamp"]
)
_WIDE: Final = ("dyn", "any", "!error!")
# (function, operands) -> what reads its last one.
_LITERALS: Final[dict[tuple[str, int], Callable[[str], Any]]] = {
    ("matches", 2): compiled,
    ("duration", 1): duration,
    ("timestamp", 1): timestamp,
}


def check(node: Node, variables: Mapping[str, Type], library: Library) -> tuple[Type, tuple[Issue, ...]]:
    """Give the type of an expression, and what is wrong with it."""
    checker = _Checker(library)
    found = checker.type_of(node, dict(variables))
    issues = checker.issues or list(_literal_issues(node))
    return found, tuple(issues)


def _literal_issues(node: Any) -> Iterator[Issue]:
    """Say which texts that are written out are no patterns, durations or times where these are taken."""
    if isinstance(node, Call) and node.arguments:
        last = node.arguments[-1]
        read = _LITERALS.get((node.function, len(node.arguments) + (node.target is not None)))
        if read is not None and isinstance(last, Literal) and isinstance(last.value, str):
            try:
                read(last.value)
            except (CelError, ReconcileError):
                yield Issue(last.at, f"invalid {node.function} argument")
    for inner in _parts(node):
        yield from _literal_issues(inner)


def _parts(node: Any) -> Iterator[Any]:
    """Give what a node, or a tuple of nodes, is made of."""
    if isinstance(node, tuple):
        yield from node
    elif isinstance(node, Select | Call | ListOf | MapOf | Struct | Comprehension):
        yield from [getattr(node, field.name) for field in attrs.fields(node.__class__)]


class _Checker:
    def __init__(self, library: Library) -> None:
        self.functions = library
        self.issues: list[Issue] = []

    def wrong(self, at: int, message: str) -> Type:
        self.issues.append(Issue(at, message))
        return ERROR

    def type_of(self, node: Node, scope: dict[str, Type]) -> Type:
        match node:
            case Literal():
                return Type(type_name(node.value))
            case Name():
                return self.name(node, scope)
            case Select():
                return self.select(node, scope)
            case Call():
                return self.call(node, scope)
            case ListOf():
                return self.listed(node, scope)
            case MapOf():
                return self.mapped(node, scope)
            case Struct():
                return self.struct(node, scope)
            case Comprehension():
                return self.comprehension(node, scope)
            case _:
                assert_never(node)

    def name(self, node: Name, scope: dict[str, Type]) -> Type:
        found = scope.get(node.name)
        if found is not None:
            return found
        if node.name in TYPES:
            return Type("type", (Type(node.name),))
        return self.wrong(node.at, f"undeclared reference to '{node.name}' (in container '')")

    def select(self, node: Select, scope: dict[str, Type]) -> Type:
        operand = self.type_of(node.operand, scope)
        optional = node.optional
        if operand.name == "optional_type":
            operand, optional = operand.params[0], True
        found = self.field(node, operand)
        if node.test:
            return BOOL
        return optional_of(found) if optional and found is not ERROR else found

    def field(self, node: Select, operand: Type) -> Type:
        if operand.name in _WIDE:
            return operand if operand is ERROR else DYN
        if operand.fields is not None:
            found = operand.fields.get(node.field)
            return self.wrong(node.at, f"undefined field '{node.field}'") if found is None else found
        if operand.name == "map":
            return operand.params[1]
        if "." in operand.name:
            return self.wrong(node.at, f"unexpected failed resolution of '{operand}'")  # an object's, without fields
        return self.wrong(node.at, f"type '{operand}' does not support field selection")

    def call(self, node: Call, scope: dict[str, Type]) -> Type:
        name, method, target = node.function, node.target is not None, node.target
        if target is not None:
            qualified = _qualified(target)
            if qualified and qualified.partition(".")[0] not in scope and f"{qualified}.{name}" in self.functions:
                name, method, target = f"{qualified}.{name}", False, None
        if method and name == "format" and node.arguments and isinstance(node.arguments[0], ListOf):
            # What is to be formatted is of any types.
            for item in node.arguments[0].items:
                self.type_of(item, scope)
            arguments: list[Type] = [list_of(DYN)]
        else:
            arguments = [self.type_of(each, scope) for each in node.arguments]
        operands = [self.type_of(target, scope), *arguments] if target is not None else arguments
        known = self.functions.get(name)
        if known is None or not (method or any(not overload.method for overload in known)):
            return self.wrong(node.at, f"undeclared reference to '{name}' (in container '')")
        if ERROR in operands:
            return ERROR
        return self.resolved(node, name, method=method, operands=operands, known=known)

    def resolved(
        self, node: Call, name: str, *, method: bool, operands: list[Type], known: tuple[Overload, ...]
    ) -> Type:
        results: list[Type] = []
        for overload in known:
            if overload.method is not method or len(overload.params) != len(operands):
                continue
            bound: dict[str, Type] = {}
            if all(_fits(param, operand, bound) for param, operand in zip(overload.params, operands, strict=True)):
                result = _substituted(overload.result, bound)
                if result not in results:
                    results.append(result)
        if not results:
            shown = ["null" if operand == NULL else str(operand) for operand in operands]
            applied = f"{shown[0]}.({', '.join(shown[1:])})" if method else f"({', '.join(shown)})"
            return self.wrong(node.at, f"found no matching overload for '{name}' applied to '{applied}'")
        return results[0] if len(results) == 1 else DYN

    def listed(self, node: ListOf, scope: dict[str, Type]) -> Type:
        found: Type | None = None
        for place, item in enumerate(node.items):
            each = self.type_of(item, scope)
            if place in node.optional and each.name == "optional_type":
                each = each.params[0]
            found = self.joined(item.at, found, each)
        return list_of(found or DYN)

    def mapped(self, node: MapOf, scope: dict[str, Type]) -> Type:
        keys: Type | None = None
        values: Type | None = None
        for key, value, optional in node.entries:
            keys = self.joined(key.at, keys, self.type_of(key, scope))
            each = self.type_of(value, scope)
            values = self.joined(
                value.at, values, each.params[0] if optional and each.name == "optional_type" else each
            )
        return map_of(keys or DYN, values or DYN)

    def joined(self, at: int, known: Type | None, each: Type) -> Type:
        """Give the type of a literal's entries: they are all of one."""
        if known is None or known.name in _WIDE or each.name in _WIDE:
            return each if known is None else known if each is ERROR else DYN
        if _fits(known, each, {}):
            return known
        return self.wrong(at, f"expected type '{known}' but found '{each}'")

    def struct(self, node: Struct, scope: dict[str, Type]) -> Type:
        """Give the type of a message: one whose name begins with that of a variable that is a type."""
        for _, value, _ in node.entries:
            self.type_of(value, scope)
        top = scope.get(node.name.partition(".")[0])
        if top is None or top.name != "type":
            return self.wrong(node.at, f"undeclared reference to '{node.name}' (in container '')")
        return Type(node.name)

    def comprehension(self, node: Comprehension, scope: dict[str, Type]) -> Type:
        over = self.type_of(node.range, scope)
        if node.kind == "bind":
            return self.type_of(node.bodies[0], {**scope, **dict.fromkeys(node.names, over)})
        if node.kind in ("optMap", "optFlatMap"):
            held = over.params[0] if over.name == "optional_type" else DYN
            result = self.type_of(node.bodies[0], {**scope, **dict.fromkeys(node.names, held)})
            return result if node.kind == "optFlatMap" or result is ERROR else optional_of(result)
        bound = self.bound(node, over)
        if bound is None:
            return ERROR
        inner = {**scope, **dict(zip(node.names, bound, strict=False))}
        results = [self.type_of(body, inner) for body in node.bodies]
        if ERROR in results:
            return ERROR
        tests = results if node.kind in ("all", "exists", "exists_one", "filter") else results[:-1]
        for body, result in zip(node.bodies, tests, strict=False):
            if result.name not in ("bool", *_WIDE):
                return self.wrong(body.at, f"expected type 'bool' but found '{result}'")
        match node.kind:
            case "all" | "exists" | "exists_one":
                return BOOL
            case "filter" | "sortBy":
                return list_of(bound[0])
            case "map":
                return list_of(results[-1])
            case "transformMap":
                return map_of(bound[0], results[-1])
            case _:
                return results[-1]

    def bound(self, node: Comprehension, over: Type) -> tuple[Type, ...] | None:
        """Give the types of a comprehension's variables."""
        pair = len(node.names) > 1
        if over.name == "list":
            return (INT, over.params[0]) if pair else over.params
        if over.name == "map":
            return over.params if pair else over.params[:1]
        if over.name in _WIDE:
            return (DYN, DYN)
        said = f"expression of type '{over}' cannot be range of a comprehension (must be list, map, or dynamic)"
        self.wrong(node.range.at, said)
        return None


def _qualified(node: Node) -> str:
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Select) and not node.test and not node.optional:
        head = _qualified(node.operand)
        return f"{head}.{node.field}" if head else ""
    return ""


def _is_parameter(kind: Type) -> bool:
    return len(kind.name) == 1 and kind.name.isupper()


def _fits(wanted: Type, given: Type, bound: dict[str, Type]) -> bool:
    """Tell whether a value of type *given* may stand where *wanted* is taken; note what parameters are."""
    if _is_parameter(wanted):
        known = bound.get(wanted.name)
        if known is None or (known.name in _WIDE and given.name not in _WIDE):
            bound[wanted.name] = given
            return True
        if _fits(known, given, {}):
            return True
        if _fits(given, known, {}):
            bound[wanted.name] = given
            return True
        return False
    if wanted.name in _WIDE or given.name in _WIDE:
        return True
    if given.name == "null_type" and wanted.name not in (
        "bool",
        "int",
        "uint",
        "double",
        "string",
        "bytes",
        "list",
        "map",
        "type",
    ):
        return True
    if wanted.name == "type" == given.name:
        return True
    if wanted.name != given.name:
        return False
    return all(_fits(*pair, bound) for pair in zip(wanted.params, given.params, strict=False))


def _substituted(kind: Type, bound: dict[str, Any]) -> Type:
    if _is_parameter(kind):
        found: Type = bound.get(kind.name, DYN)
        return found
    if not kind.params:
        return kind
    return Type(kind.name, tuple([_substituted(param, bound) for param in kind.params]), kind.fields)
