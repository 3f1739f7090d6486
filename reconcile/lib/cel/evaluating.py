"""
CEL's evaluator: the value of an expression, within a bounded number of steps.

An error is a value that `&&`, `||`, `all` and `exists` may absorb; whatever else meets it comes to that error.

Takes:    a Node, the variables' values, a library, a number of steps.
Gives:    a value, or CelError.
Source:   https://github.com/google/cel-spec/blob/master/doc/langdef.md#evaluation
Left out: see docs/limits.md, "Custom resources".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, assert_never

from reconcile.lib.cel.checking import TYPES
from reconcile.lib.cel.syntax import Call, Comprehension, ListOf, Literal, MapOf, Name, Node, Select, Struct
from reconcile.lib.cel.types import Library
from reconcile.lib.cel.values import NONE, CelError, Optional, TypeValue, present, type_name

TOO_DEAR: Final = "operation cancelled: actual cost limit exceeded"
_NO_OVERLOAD: Final = "no such overload"


def evaluate(node: Node, variables: Mapping[str, Any], library: Library, steps: int) -> tuple[Any, int]:
    """
    Give the value of an expression, and how many steps are left.

    Raises:
        CelError: it comes to an error, or takes more steps.
    """
    run = _Run(library, steps)
    try:
        return run.value(node, dict(variables)), run.left
    except RecursionError:
        raise CelError("evaluation nests too deeply") from None


class _Run:
    def __init__(self, library: Library, steps: int) -> None:
        self.functions = library
        self.left = steps

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise CelError(TOO_DEAR)

    def value(self, node: Node, scope: dict[str, Any]) -> Any:
        self.spend(1)
        match node:
            case Literal():
                return node.value
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
                found = [(key, self.value(value, scope), optional) for key, value, optional in node.entries]
                return {key: _held(value, optional) for key, value, optional in found if _there(value, optional)}
            case Comprehension():
                return self.comprehension(node, scope)
            case _:
                assert_never(node)

    def name(self, node: Name, scope: dict[str, Any]) -> Any:
        if node.name in scope:
            return scope[node.name]
        if node.name in TYPES:
            return TypeValue(node.name)
        raise CelError(f"no such attribute(s): {node.name}")

    def select(self, node: Select, scope: dict[str, Any]) -> Any:
        operand = self.value(node.operand, scope)
        optional = node.optional
        if isinstance(operand, Optional):
            if not operand.present:
                return False if node.test else NONE
            operand, optional = operand.value, True
        if not isinstance(operand, Mapping):
            raise CelError(_NO_OVERLOAD)
        if node.test:
            return node.field in operand
        if node.field in operand:
            found = operand[node.field]
            return present(found) if optional else found
        if optional:
            return NONE
        raise CelError(f"no such key: {node.field}")

    def call(self, node: Call, scope: dict[str, Any]) -> Any:
        match node.function:
            case "_&&_":
                return self.decided(node, scope, until=False)
            case "_||_":
                return self.decided(node, scope, until=True)
            case "_?_:_":
                condition = self.value(node.arguments[0], scope)
                if condition.__class__ is not bool:
                    raise CelError(_NO_OVERLOAD)
                return self.value(node.arguments[1 if condition else 2], scope)
            case _:
                return self.function(node, scope)

    def function(self, node: Call, scope: dict[str, Any]) -> Any:
        name, target = node.function, node.target
        if target is None:
            return self.applied(name, [self.value(each, scope) for each in node.arguments])
        qualified = self.qualified(target, name, scope)
        if qualified:
            return self.applied(qualified, [self.value(each, scope) for each in node.arguments])
        receiver = self.value(target, scope)
        if name in ("or", "orValue") and isinstance(receiver, Optional) and receiver.present:
            return receiver if name == "or" else receiver.value
        return self.applied(name, [receiver, *[self.value(each, scope) for each in node.arguments]], method=True)

    def qualified(self, target: Node, name: str, scope: dict[str, Any]) -> str:
        parts = [name]
        while isinstance(target, Select):
            parts.append(target.field)
            target = target.operand
        if not isinstance(target, Name) or target.name in scope:
            return ""
        full = ".".join([target.name, *reversed(parts)])
        return full if full in self.functions else ""

    def decided(self, node: Call, scope: dict[str, Any], *, until: bool) -> bool:
        """Give what `&&` or `||` comes to: either side may decide it, whatever error the other is."""
        error: CelError | None = None
        for each in node.arguments:
            try:
                found = self.value(each, scope)
            except CelError as caught:
                self.spend(0)
                error = error or caught
                continue
            if found.__class__ is not bool:
                error = error or CelError(_NO_OVERLOAD)
            elif found is until:
                return until
        if error is not None:
            raise error
        return not until

    def applied(self, name: str, operands: list[Any], *, method: bool = False) -> Any:
        names = [type_name(operand) for operand in operands]
        for text in operands:
            if text.__class__ is str:
                self.spend(len(text) // 10)
        for overload in self.functions.get(name, ()):
            params = overload.params
            if overload.method is not method or len(params) != len(names):
                continue
            for param, given in zip(params, names, strict=True):
                wanted = param.name
                if wanted not in (given, "dyn") and not (len(wanted) == 1 and wanted.isupper()):
                    break
            else:
                return overload.call(*operands)
        raise CelError(_NO_OVERLOAD)

    def listed(self, node: ListOf, scope: dict[str, Any]) -> tuple[Any, ...]:
        found = [(self.value(item, scope), place in node.optional) for place, item in enumerate(node.items)]
        return tuple([_held(value, optional) for value, optional in found if _there(value, optional)])

    def mapped(self, node: MapOf, scope: dict[str, Any]) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for key, value, optional in node.entries:
            name = self.value(key, scope)
            if name.__class__ not in (str, int, bool) and type_name(name) != "uint":
                raise CelError(f"unsupported key type: {type_name(name)}")
            found = self.value(value, scope)
            if not _there(found, optional):
                continue
            if name in made:
                raise CelError(f"insert failed: key {name} already exists")
            made[name] = _held(found, optional)
        return made

    def comprehension(self, node: Comprehension, scope: dict[str, Any]) -> Any:
        over = self.value(node.range, scope)
        bodies, names = node.bodies, node.names
        if node.kind == "bind":
            return self.value(bodies[0], {**scope, names[0]: over})
        if node.kind in ("optMap", "optFlatMap"):
            if not isinstance(over, Optional):
                raise CelError(_NO_OVERLOAD)
            if not over.present:
                return NONE
            found = self.value(bodies[0], {**scope, names[0]: over.value})
            return found if node.kind == "optFlatMap" else present(found)
        scopes = [{**scope, **dict(zip(names, bound, strict=True))} for bound in self.bound(node, over)]
        match node.kind:
            case "all":
                return self.tested(bodies[0], scopes, until=False)
            case "exists":
                return self.tested(bodies[0], scopes, until=True)
            case "exists_one":
                return sum(self.true(bodies[0], each) for each in scopes) == 1
            case "filter":
                return tuple([each[names[0]] for each in scopes if self.true(bodies[0], each)])
            case "sortBy":
                keyed = [(self.value(bodies[0], each), place) for place, each in enumerate(scopes)]
                return tuple([scopes[place][names[0]] for _, place in sorted(keyed)])
            case _:
                return self.transformed(node, scopes)

    def transformed(self, node: Comprehension, scopes: list[dict[str, Any]]) -> Any:
        bodies, names = node.bodies, node.names
        kept = [each for each in scopes if self.true(bodies[0], each)] if len(bodies) > 1 else scopes
        results = [self.value(bodies[-1], each) for each in kept]
        if node.kind == "map":
            return tuple(results)
        if node.kind == "transformMap":
            return {each[names[0]]: result for each, result in zip(kept, results, strict=True)}
        return _entries(results)

    def bound(self, node: Comprehension, over: Any) -> Iterable[tuple[Any, ...]]:
        pair = len(node.names) > 1
        if isinstance(over, Mapping):
            self.spend(len(over))
            return [(key, over[key]) if pair else (key,) for key in over]
        if isinstance(over, (tuple, list)):
            self.spend(len(over))
            return list(enumerate(over)) if pair else [(item,) for item in over]
        raise CelError(_NO_OVERLOAD)

    def tested(self, body: Node, scopes: list[dict[str, Any]], *, until: bool) -> bool:
        error: CelError | None = None
        for each in scopes:
            try:
                if self.true(body, each) is until:
                    return until
            except CelError as caught:
                self.spend(0)
                error = error or caught
        if error is not None:
            raise error
        return not until

    def true(self, body: Node, scope: dict[str, Any]) -> bool:
        found = self.value(body, scope)
        if found.__class__ is not bool:
            raise CelError(_NO_OVERLOAD)
        return bool(found)


def _there(value: Any, optional: bool) -> bool:  # noqa: FBT001 -- what the entry says of itself
    return not optional or (isinstance(value, Optional) and value.present)


def _held(value: Any, optional: bool) -> Any:  # noqa: FBT001 -- what the entry says of itself
    return value.value if optional else value


def _entries(results: list[Any]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for each in results:
        for key, value in each.items():
            if key in made:
                raise CelError(f"insert failed: key {key} already exists")
            made[key] = value
    return made
