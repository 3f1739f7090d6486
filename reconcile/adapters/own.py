"""
The user's own controllers, applications and scheduler plugins, by the names of the modules in which they stand.

Takes:    `module:name`, where the name is that of a Controller, an Application or a Plugin, or of a tuple or list of
          them.
Gives:    the controllers, applications and plugins.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from typing import Any, TypeAlias

from reconcile.components.applications import Application
from reconcile.components.controllers import Controller
from reconcile.components.scheduler.plugin import Plugin
from reconcile.lib.errors import ReconcileError
from reconcile.properties import Property

Own: TypeAlias = Controller | Application | Plugin


def load_own(words: Iterable[str]) -> tuple[Own | Property, ...]:
    """Do what `load_controllers` does; properties, such as a scenario checks, may stand there too."""
    return tuple([found for word in words for found in _loaded(word, Own | Property)])


def load_controllers(words: Iterable[str]) -> tuple[Own, ...]:
    """
    Import the modules that *words* name, `module:name` each, and give what stands there, in order.

    A module is looked for in the working directory first, as `python -m` does.

    Raises:
        ReconcileError: there is no such module, it cannot be imported, or it has nothing of that name that
            runs in a cluster.
    """
    return tuple([controller for word in words for controller in _loaded(word, Own)])


def _loaded(word: str, kinds: Any) -> tuple[Any, ...]:
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
        if not isinstance(row, kinds):
            said = "neither a Controller nor an Application nor a Plugin of the scheduler"
            raise ReconcileError(f"--controllers {word}: {row!r} is {said}")
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
