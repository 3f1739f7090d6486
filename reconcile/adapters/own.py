"""
The user's own controllers and scheduler plugins, by the names of the modules in which they stand.

Takes:    `module:name`, where the name is that of a Controller or a Plugin, or of a tuple or list of them.
Gives:    the controllers and plugins.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from typing import Any

from reconcile.components.controllers import Controller
from reconcile.components.scheduler.plugin import Plugin
from reconcile.lib.errors import ReconcileError


def load_controllers(words: Iterable[str]) -> tuple[Controller | Plugin, ...]:
    """
    Import the modules that *words* name, `module:name` each, and give what stands there, in order.

    A module is looked for in the working directory first, as `python -m` does.

    Raises:
        ReconcileError: there is no such module, it cannot be imported, or it has nothing of that name that
            runs in a cluster.
    """
    return tuple([controller for word in words for controller in _loaded(word)])


def _loaded(word: str) -> tuple[Controller | Plugin, ...]:
    module, colon, name = word.partition(":")
    if not (module and colon and name):
        raise ReconcileError(f"--controllers {word}: expected MODULE:NAME, such as noters:noter")
    try:
        found: Any = _imported(module)
    except Exception as error:
        raise ReconcileError(f"--controllers {word}: {module} cannot be imported: {_said(error)}") from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise ReconcileError(f"--controllers {word}: {module} has no {name}")
        found = getattr(found, part)
    rows = tuple(found) if isinstance(found, tuple | list) else (found,)
    for row in rows:
        if not isinstance(row, Controller | Plugin):
            raise ReconcileError(f"--controllers {word}: {row!r} is not a Controller, nor a Plugin of the scheduler")
    if not rows:
        raise ReconcileError(f"--controllers {word}: there is none in it")
    return rows


def _imported(module: str) -> Any:
    here = ""  # the working directory
    sys.path.insert(0, here)
    try:
        return importlib.import_module(module)
    finally:
        if here in sys.path:
            sys.path.remove(here)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
