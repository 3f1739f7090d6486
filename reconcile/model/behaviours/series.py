"""
Series: what is measured, by its name and its labels: `requests{path=cart,verb=get}`.

Takes:    texts.
Gives:    names and labels; one text for each series.
Source:   Prometheus' data model, without quotation marks; the labels' values are those that a selector can ask for.
Left out: nothing known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, TypeVar

from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.model import selectors
from reconcile.model.text import names

_SERIES: Final = re.compile(r"(?P<name>[a-z][a-z0-9_]*)(?:\{(?P<labels>[^{}]*)\})?")
_LABEL: Final = re.compile("[A-Za-z_][A-Za-z0-9_]*")

Value = TypeVar("Value")


@lru_cache(maxsize=1024)
def read(text: str, path: str = "metric") -> tuple[str, Map[str]]:
    """
    Give the name and the labels of a series.

    Raises:
        ReconcileError: it cannot be understood; *path* and the value are shown.
    """
    found = _SERIES.fullmatch(text)
    if found is None:
        said = "a metric's name is lower case letters, digits and _, and after it {label=value,...} if need be"
        raise ReconcileError(f"{path}: {said}, not {text!r}")
    labels: dict[str, str] = {}
    for pair in (found["labels"] or "").split(",") if found["labels"] is not None else ():
        key, sign, value = pair.strip().partition("=")
        if not sign or not _LABEL.fullmatch(key) or key in labels:
            raise ReconcileError(f"{path}: {text!r}: labels are said once each, as in {{path=cart}}, not {pair!r}")
        for fault in names.label_value_faults(value):
            raise ReconcileError(f"{path}: {text!r}: {value!r}: {fault}")
        labels[key] = value
    return found["name"], Map({key: labels[key] for key in sorted(labels)})


def written(name: str, labels: Map[str]) -> str:
    """Give a series as text, always the same for the same one."""
    return f"{name}{{{','.join([f'{key}={value}' for key, value in labels.items()])}}}" if labels else name


def canonical(text: str, path: str) -> str:
    """
    Give the one text of the series that *text* means.

    Raises:
        ReconcileError: it cannot be understood; *path* and the value are shown.
    """
    return written(*read(text, path))


def chosen(
    series: Iterable[tuple[str, Value]], name: str, wanted: tuple[selectors.Requirement, ...]
) -> list[tuple[Map[str], Value]]:
    """Give the labels and the value of each series of a name that a selector means."""
    found = [(read(text), value) for text, value in series]
    return [(labels, value) for (of, labels), value in found if of == name and selectors.fits(wanted, labels)]
