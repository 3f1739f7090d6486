"""
The user's own controllers, applications and scheduler plugins, by the names of the modules in which they stand.

Takes:    `module:name`, where the name is that of a Controller, an Application or a Plugin, or of a tuple or list of
          them.
Gives:    the controllers, applications and plugins.
"""

from __future__ import annotations

import importlib
import sys
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, TypeAlias

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


def raised_by(error: Exception) -> str:
    """
    Say what code of the user's own has raised, and where; empty if it was none of it.

    It is the user's if it was called by this package and is neither of it nor installed: `own.py, line 3, in seen:
    ValueError: no port`.
    """
    frames = traceback.extract_tb(error.__traceback__)
    called = next((place for place, frame in enumerate(frames) if _is_below(frame.filename, (_HERE,))), len(frames))
    for frame in reversed(frames[called:]):
        if not frame.filename.startswith("<") and not _is_below(frame.filename, (_HERE, *_INSTALLED)):
            return f"{_shown(frame.filename)}, line {frame.lineno}, in {frame.name}: {_said(error)}"
    return ""


_HERE: Final = str(Path(__file__).resolve().parent.parent)
_INSTALLED: Final = tuple([sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")])


def _is_below(file: str, places: tuple[str, ...]) -> bool:
    return any(Path(file).resolve().is_relative_to(Path(place).resolve()) for place in places)


def _shown(file: str) -> str:
    path, here = Path(file).resolve(), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


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
