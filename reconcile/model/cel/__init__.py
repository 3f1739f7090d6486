"""
CEL as Kubernetes speaks it: the language with the libraries that an API server switches on.

    compile_errors(expression, names)   what is wrong with it, before anything is known of the values
    evaluate(expression, variables)     its value; CelError if it comes to an error

Both take every variable for dynamic unless its type is given. What a policy adds (its authorizer, its variables)
comes as further functions and variables.

Source:   https://kubernetes.io/docs/reference/using-api/cel/
Left out: see docs/limits.md, "Custom resources".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconcile.lib import cel
from reconcile.lib.cel import DYN, CelError, Library, Program, Type, evaluating
from reconcile.model.cel.addresses import ADDRESSES
from reconcile.model.cel.amounts import AMOUNTS
from reconcile.model.cel.texts import TEXTS

__all__ = ["KUBERNETES", "LIMIT", "CelError", "Program", "compile_errors", "compiled", "evaluate", "run"]

KUBERNETES: Final[Library] = cel.merged(cel.STANDARD, cel.EXTENSIONS, ADDRESSES, AMOUNTS, TEXTS)
"""Every function that an API server's expressions may call."""

LIMIT: Final = 1_000_000
"""How many steps one expression may take."""


def compiled(
    expression: str, variables: Mapping[str, Type] | Iterable[str], functions: Library = KUBERNETES
) -> Program:
    """
    Read and check an expression.

    Args:
        expression: its text.
        variables: the variables' names, or name -> type.
        functions: what it may call.
    """
    types = variables if isinstance(variables, Mapping) else dict.fromkeys(variables, DYN)
    return cel.compiled(expression, types, functions)


def compile_errors(expression: str, names: Mapping[str, Type] | Iterable[str], functions: Library = KUBERNETES) -> str:
    """Say what is wrong with an expression, in cel-go's words (`ERROR: <input>:1:1: ...`); empty if nothing is."""
    return compiled(expression, names, functions).errors


def evaluate(expression: str, variables: Mapping[str, Any], functions: Library = KUBERNETES, steps: int = LIMIT) -> Any:
    """
    Give the value of an expression: variables and value are plain JSON data or values of `lib.cel`.

    Raises:
        CelError: it cannot be read, comes to an error, or takes too many steps.
    """
    node, issues = cel.parsed(expression)
    if node is None:
        raise CelError(cel.shown(issues, expression))
    return evaluating.evaluate(node, variables, functions, steps)[0]


def run(
    program: Program, variables: Mapping[str, Any], steps: int = LIMIT, functions: Library = KUBERNETES
) -> tuple[Any, int]:
    """
    Give the value of a program that has no errors, and how many steps are left.

    Raises:
        CelError: it comes to an error, or takes too many steps.
    """
    assert program.node is not None, "a program without errors has a tree"
    return evaluating.evaluate(program.node, variables, functions, steps)
