"""
Kubernetes' CEL functions of lists and texts: isSorted, sum, min, max, indexOf; find, findAll; named formats.

Source:   https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-list-library and the libraries that follow it.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from reconcile.lib.cel import NONE, CelError, Optional, equal, library
from reconcile.lib.cel.values import Span, present, whole
from reconcile.lib.errors import ReconcileError
from reconcile.lib.regexp import compiled
from reconcile.model.cel.addresses import url_fault
from reconcile.model.text import formats, names

_SORTABLE: Final = ("int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes")
_SUMMABLE: Final = ("int", "uint", "double", "duration")


@attrs.frozen
class Format:
    """A named format."""

    name: str
    cel_type = "kubernetes.NamedFormat"


def _total(values: Any) -> Any:
    if not values:
        return 0
    if isinstance(values[0], Span):
        return Span(whole(sum(value.length for value in values)))
    if isinstance(values[0], float):
        return sum(values)
    return whole(sum(values), "uint" if values[0].__class__ is not int else "int")


def _extreme(name: str, choose: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def chosen(values: Any) -> Any:
        if not values:
            raise CelError(f"{name} called on empty list")
        return choose(values)

    return chosen


def _is_sorted(values: Any) -> bool:
    return all(not values[place] < values[place - 1] for place in range(1, len(values)))


def _index(values: Any, item: Any) -> int:
    return next((place for place, value in enumerate(values) if equal(value, item)), -1)


def _last_index(values: Any, item: Any) -> int:
    return next((place for place in reversed(range(len(values))) if equal(values[place], item)), -1)


def _find_all(text: str, pattern: str, most: int = -1) -> tuple[str, ...]:
    try:
        found = [match[0] for match in compiled(pattern).finditer(text)]
    except ReconcileError as error:
        raise CelError(f"Illegal regex: {error}") from None
    return tuple(found if most < 0 else found[:most])


def _find(text: str, pattern: str) -> str:
    found = _find_all(text, pattern, 1)
    return found[0] if found else ""


def _prefix(faults: Callable[[str], tuple[str, ...]]) -> Callable[[str], tuple[str, ...]]:
    """Check what is to be the beginning of a name: it may end with a dash."""
    return lambda text: faults(text[:-1] + "a" if len(text) > 1 and text.endswith("-") else text)


def _fits(name: str, said: str) -> Callable[[str], tuple[str, ...]]:
    return lambda text: () if formats.fits(name, text) else (said,)


def _uri(text: str) -> tuple[str, ...]:
    why = url_fault(text)
    return (why,) if why else ()


FORMATS: Final[dict[str, Callable[[str], tuple[str, ...]]]] = {
    "dns1123Label": names.label_faults,
    "dns1123Subdomain": names.subdomain_faults,
    "dns1035Label": names.label_1035_faults,
    "qualifiedName": names.qualified_faults,
    "dns1123LabelPrefix": _prefix(names.label_faults),
    "dns1123SubdomainPrefix": _prefix(names.subdomain_faults),
    "dns1035LabelPrefix": _prefix(names.label_1035_faults),
    "labelValue": names.label_value_faults,
    "uri": _uri,
    "uuid": _fits("uuid", "does not match the UUID format"),
    "byte": _fits("byte", "invalid base64"),
    "date": _fits("date", "invalid date"),
    "datetime": _fits("date-time", "invalid datetime"),
}


def _validated(named: Format, text: str) -> Optional:
    faults = FORMATS[named.name](text)
    return present(tuple(faults)) if faults else NONE


def _named(name: str) -> Optional:
    return present(Format(name)) if name in FORMATS else NONE


def _constant(name: str) -> Callable[[], Format]:
    return lambda: Format(name)


_NAMED: Final = "kubernetes.NamedFormat"
TEXTS: Final = library(
    ("\n".join([f"->list({kind}).isSorted() bool" for kind in _SORTABLE]), _is_sorted),
    ("\n".join([f"->list({kind}).sum() {kind}" for kind in _SUMMABLE]), _total),
    ("\n".join([f"->list({kind}).min() {kind}" for kind in _SORTABLE]), _extreme("min", min)),
    ("\n".join([f"->list({kind}).max() {kind}" for kind in _SORTABLE]), _extreme("max", max)),
    ("->list(A).indexOf(A) int", _index),
    ("->list(A).lastIndexOf(A) int", _last_index),
    ("->string.find(string) string", _find),
    ("->string.findAll(string) list(string)\n->string.findAll(string, int) list(string)", _find_all),
    *[(f"format.{name}() {_NAMED}", _constant(name)) for name in FORMATS],
    (f"format.named(string) optional_type({_NAMED})", _named),
    (f"->{_NAMED}.validate(string) optional_type(list(string))", _validated),
)
