"""The tree of a template."""

from __future__ import annotations

from typing import Any, TypeAlias

import attrs


@attrs.frozen
class Constant:
    """A value that stands in the template."""

    value: Any


@attrs.frozen
class Dot:
    """The value that is looked at, and a path of fields in it."""

    fields: tuple[str, ...] = ()


@attrs.frozen
class Variable:
    """A variable, `$` among them, and a path of fields in its value."""

    name: str
    fields: tuple[str, ...] = ()


@attrs.frozen
class Function:
    """A function that is called."""

    name: str


@attrs.frozen
class Chain:
    """A path of fields in what a pipeline in parentheses gives."""

    of: Pipeline
    fields: tuple[str, ...]


@attrs.frozen
class Command:
    """A value, or a function with its arguments."""

    operands: tuple[Operand, ...]


@attrs.frozen
class Pipeline:
    """Commands, each of which gives the next one its last argument; and the variables that the value is given to."""

    commands: tuple[Command, ...]
    variables: tuple[str, ...] = ()
    assigns: bool = False


Operand: TypeAlias = Constant | Dot | Variable | Function | Chain | Pipeline


@attrs.frozen
class Text:
    """What is written as it stands."""

    text: str


@attrs.frozen
class Action:
    """A pipeline whose value is written, unless it is given to a variable."""

    pipeline: Pipeline
    line: int


@attrs.frozen
class Branch:
    """`if`, `with` or `range`: what is done of something, and what else."""

    word: str
    pipeline: Pipeline
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...]
    line: int


@attrs.frozen
class Leave:
    """`break` or `continue`."""

    word: str
    line: int


@attrs.frozen
class Include:
    """`template`: another one that is rendered here."""

    name: str
    pipeline: Pipeline | None
    line: int


Node: TypeAlias = Text | Action | Branch | Leave | Include
