"""
Rendering: a template's tree, its data and its functions to text.

Takes:    Template, data, functions.
Gives:    text, or a TemplateError that says the line.
Source:   https://pkg.go.dev/text/template.
Left out: methods, as data has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from reconcile.lib.gotemplate.builtins import BUILTINS
from reconcile.lib.gotemplate.syntax import (
    Action,
    Branch,
    Chain,
    Command,
    Constant,
    Dot,
    Function,
    Include,
    Leave,
    Node,
    Operand,
    Pipeline,
    Text,
    Variable,
)
from reconcile.lib.gotemplate.values import TemplateError, is_true, shown, type_name

LAZY: Final = frozenset({"and", "or"})
"""Functions whose arguments are looked at one after the other, until one decides."""

DEEPEST: Final = 50
"""How many templates may be within each other."""

MOST: Final = 1_000_000
"""How many nodes one rendering may come by."""

_NOTHING: Final = object()


@attrs.frozen
class Template:
    """A template that was read, with those that are defined in it."""

    body: tuple[Node, ...]
    defined: tuple[tuple[str, tuple[Node, ...]], ...] = ()

    def rendered(self, data: Any, functions: Mapping[str, Callable[..., Any]] | None = None) -> str:
        """
        Give the text that comes of *data*, as `as_go` makes it.

        Args:
            data: what `.` and `$` are.
            functions: what its further functions do, by name; they may raise TemplateError.

        Raises:
            TemplateError: it cannot be rendered with this data; the line is said.
        """
        run = _Run(dict(self.defined), {**BUILTINS, **(functions or {})})
        run.template(self.body, data)
        return "".join(run.written)


class _Left(Exception):  # noqa: N818 -- it is no error
    """`break` or `continue` on its way to the loop around it."""


class _Run:
    """One rendering."""

    def __init__(self, defined: dict[str, tuple[Node, ...]], functions: Mapping[str, Callable[..., Any]]) -> None:
        self.written: list[str] = []
        self._defined = defined
        self._functions = functions
        self._scopes: list[dict[str, Any]] = []
        self._depth = 0
        self._steps = 0

    def template(self, body: tuple[Node, ...], data: Any) -> None:
        """Render a template of its own: it sees no variables of the one around it."""
        scopes, self._scopes = self._scopes, [{"$": data}]
        self._depth += 1
        self._nodes(body, data)
        self._depth -= 1
        self._scopes = scopes

    def _nodes(self, nodes: tuple[Node, ...], dot: Any) -> None:
        for node in nodes:
            if isinstance(node, Text):
                self.written.append(node.text)
                continue
            line = node.line
            self._count(line)
            try:
                self._node(node, dot)
            except TemplateError as error:
                raise error if str(error).startswith("template: ") else _at(line, str(error)) from None
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:  # of functions and their arguments
                raise _at(line, str(error)) from None

    def _count(self, line: int) -> None:
        self._steps += 1
        if self._steps > MOST:
            raise _at(line, f"more than {MOST:,} steps")

    def _node(self, node: Node, dot: Any) -> None:
        if isinstance(node, Action):
            value = self._pipeline(node.pipeline, dot)
            if not node.pipeline.variables:
                self.written.append(shown(value))
        elif isinstance(node, Branch):
            self._scopes.append({})
            depth = len(self._scopes)
            if node.word == "range":
                self._range(node, dot)
            else:
                self._either(node, dot)
            del self._scopes[depth - 1 :]
        elif isinstance(node, Leave):
            raise _Left(node.word)
        elif isinstance(node, Include):
            if node.name not in self._defined:
                raise TemplateError(f"template {node.name!r} not defined")
            if self._depth >= DEEPEST:
                raise TemplateError(f"exceeded maximum template depth ({DEEPEST})")
            self.template(
                self._defined[node.name], None if node.pipeline is None else self._pipeline(node.pipeline, dot)
            )

    def _either(self, node: Branch, dot: Any) -> None:
        value = self._pipeline(node.pipeline, dot)
        self._scopes.append({})
        if is_true(value):
            self._nodes(node.body, value if node.word == "with" else dot)
        else:
            self._nodes(node.otherwise, dot)

    def _range(self, node: Branch, dot: Any) -> None:
        pipeline = node.pipeline
        value = self._pipeline(attrs.evolve(pipeline, variables=()), dot)
        pairs = _pairs(value)
        empty = True
        for key, entry in pairs:
            empty = False
            names = pipeline.variables
            given = dict(zip(names, (key, entry) if len(names) > 1 else (entry,), strict=False))
            depth = len(self._scopes)
            if pipeline.assigns:
                for name, each in given.items():
                    self._assign(name, each)
            self._scopes.append({} if pipeline.assigns else given)
            self._count(node.line)
            try:
                self._nodes(node.body, entry)
            except _Left as left:
                if str(left) == "break":
                    break
            finally:
                del self._scopes[depth:]
        if empty:
            self._nodes(node.otherwise, dot)

    def _assign(self, name: str, value: Any) -> None:
        for scope in reversed(self._scopes):
            if name in scope:
                scope[name] = value
                return

    def _pipeline(self, pipeline: Pipeline, dot: Any) -> Any:
        value: Any = _NOTHING
        for command in pipeline.commands:
            value = self._command(command, dot, value)
        for name in pipeline.variables:
            if pipeline.assigns:
                self._assign(name, value)
            else:
                self._scopes[-1][name] = value
        return value

    def _command(self, command: Command, dot: Any, final: Any) -> Any:
        first, rest = command.operands[0], command.operands[1:]
        if isinstance(first, Function):
            return self._call(first.name, rest, dot, final)
        value = self._value(first, dot)
        if rest or final is not _NOTHING:
            raise TemplateError(f"can't give argument to non-function {_named(first)}")
        return value

    def _call(self, name: str, operands: tuple[Operand, ...], dot: Any, final: Any) -> Any:
        given = () if final is _NOTHING else (final,)
        if name in LAZY:
            if not (operands or given):
                raise TemplateError(f"wrong number of args for {name}: want at least 1 got 0")
            value: Any = None
            for operand in (*operands, *map(Constant, given)):
                value = self._value(operand, dot)
                if is_true(value) is (name == "or"):
                    break
            return value
        arguments = [*[self._value(operand, dot) for operand in operands], *given]
        try:
            return self._functions[name](*arguments)
        except TemplateError as error:
            raise TemplateError(f"error calling {name}: {error}") from None
        except KeyError:
            raise TemplateError(f"function {name!r} not defined") from None
        except RecursionError:
            raise TemplateError(f"error calling {name}: nested too deep") from None
        except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise TemplateError(f"error calling {name}: {error}") from None

    def _value(self, operand: Operand, dot: Any) -> Any:
        if operand.__class__ is Dot:
            return _found(dot, operand.fields)
        if operand.__class__ is Variable:
            return _found(self._variable(operand.name), operand.fields)
        if isinstance(operand, Constant):
            return operand.value
        if isinstance(operand, Function):
            return self._call(operand.name, (), dot, _NOTHING)
        if isinstance(operand, Chain):
            return _found(self._pipeline(operand.of, dot), operand.fields)
        assert isinstance(operand, Pipeline), "there is nothing else"
        return self._pipeline(operand, dot)

    def _variable(self, name: str) -> Any:
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        raise TemplateError(f"undefined variable {name!r}")


def _found(value: Any, fields: tuple[str, ...]) -> Any:
    for field in fields:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise TemplateError(f"can't evaluate field {field} in type {type_name(value)}")
        value = value.get(field)
    return value


def _pairs(value: Any) -> Iterable[tuple[Any, Any]]:
    if value is None:
        return ()
    if isinstance(value, dict):
        return [(key, value[key]) for key in sorted(value)]
    if isinstance(value, (list, tuple)):
        return enumerate(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return ((place, place) for place in range(value))
    raise TemplateError(f"range can't iterate over {shown(value)}")


def _named(operand: Operand) -> str:
    if isinstance(operand, Constant):
        return shown(operand.value, "nil")
    if isinstance(operand, Dot | Variable):
        return ".".join([getattr(operand, "name", ""), *operand.fields]) or "."
    return "(...)"


def _at(line: int, said: str) -> TemplateError:
    return TemplateError(f"template: line {line}: {said}")
