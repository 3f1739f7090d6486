"""
Sections: the objects of a configuration, read field by field, with where each stands.

What is wrong is noted and the reading goes on, so that all of it is told at once.

Takes:    plain values as JSON or YAML gives them.
Gives:    values of the expected types, and faults in the words of Kubernetes' field errors.
Source:   apimachinery's field.Error and its strict decoding.
Left out: nothing known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration, parse_duration
from reconcile.model.text.names import label_faults, qualified_faults

_SMALLEST, _LARGEST = -(1 << 63), (1 << 63) - 1
_TYPES: Final = {str: "text", int: "an integer", bool: "true or false", list: "a list", dict: "an object"}


class Section:
    """
    An object of a configuration. It belongs to the call that reads it.

    Args:
        plain: the object.
        path: where it stands; empty for the whole.
        faults: what is wrong is added here.
        known: the names of its fields; None if it may have any.
    """

    __slots__ = ("_faults", "_plain", "path")

    def __init__(self, plain: Any, path: str, faults: list[str], known: Iterable[str] | None = None) -> None:
        self.path = path
        self._faults = faults
        if not isinstance(plain, Mapping):
            faults.append(f"{path or 'configuration'}: expected an object, found {plain!r}")
            plain = {}
        self._plain: Mapping[str, Any] = plain
        fields = None if known is None else {*known}
        if fields is not None:
            unknown = [self.at(str(name)) for name in plain if name not in fields]
            faults += [f'strict decoding error: unknown field "{name}"' for name in unknown]

    def __contains__(self, name: str) -> bool:
        """Tell whether a field is given, and not as null."""
        return self._plain.get(name) is not None

    def at(self, name: str) -> str:
        """Say where a field stands."""
        return f"{self.path}.{name}" if self.path else name

    def text(self, name: str, default: str = "") -> str:
        """Give a text."""
        found: str = self._typed(name, str, default)
        return found

    def number(self, name: str, default: int = 0) -> int:
        """Give an integer of 64 bits."""
        found: int = self._typed(name, int, default)
        if not _SMALLEST <= found <= _LARGEST:
            self.fault(name, f"{found} does not fit into 64 bits")
            return default
        return found

    def truth(self, name: str, *, default: bool = False) -> bool:
        """Give a truth value."""
        found: bool = self._typed(name, bool, default)
        return found

    def duration(self, name: str, default: Duration = 0) -> Duration:
        """Give a duration, which is written as `1m30s`."""
        text = self.text(name)
        if not text:
            return default
        try:
            return parse_duration(text)
        except ReconcileError as error:
            self.fault(name, str(error))
            return default

    def texts(self, name: str) -> tuple[str, ...]:
        """Give a list of texts."""
        found = self._typed(name, list, [])
        for place, each in enumerate(found):
            if not isinstance(each, str):
                self.fault(f"{name}[{place}]", f"expected text, found {each!r}")
        return tuple([each for each in found if isinstance(each, str)])

    def sections(self, name: str, known: Iterable[str] | None = None) -> list[Section]:
        """Give the objects of a list."""
        names = None if known is None else tuple(known)
        return [
            Section(each, self.at(f"{name}[{place}]"), self._faults, names)
            for place, each in enumerate(self._typed(name, list, []))
        ]

    def section(self, name: str, known: Iterable[str] | None = None) -> Section:
        """Give an object; one that is not given has no fields."""
        return Section(self._plain.get(name) or {}, self.at(name), self._faults, known)

    def plain(self, name: str) -> Any:
        """Give a field as it is."""
        return self._plain.get(name)

    def fault(self, name: str, why: str) -> None:
        """Note what is wrong with a field."""
        self._faults.append(f"{self.at(name)}: {why}")

    def invalid(self, name: str, value: object, why: str) -> None:
        """Note that a field has a value that it cannot have."""
        self.fault(name, f"Invalid value: {json.dumps(value, ensure_ascii=False)}: {why}")

    def required(self, name: str, why: str = "") -> None:
        """Note that a field is missing."""
        self.fault(name, f"Required value: {why}" if why else "Required value")

    def one_of(self, name: str, value: str, words: Iterable[str]) -> None:
        """Note it if a field's value is none of some words."""
        choices = sorted(words)
        if value not in choices:
            listed = ", ".join([json.dumps(word) for word in choices])
            self.fault(name, f"Unsupported value: {json.dumps(value)}: supported values: {listed}")

    def within(self, name: str, value: int, least: int, most: int, why: str) -> None:
        """Note it if a number is out of its range."""
        if not least <= value <= most:
            self.invalid(name, value, why)

    def qualified(self, name: str, value: str) -> None:
        """Note what keeps a text from being a qualified name, as that of a label."""
        for why in qualified_faults(value):
            self.invalid(name, value, why)

    def label(self, name: str, value: str) -> None:
        """Note what keeps a text from being a label of the domain name system."""
        for why in label_faults(value):
            self.invalid(name, value, why)

    def _typed(self, name: str, wanted: type, default: Any) -> Any:
        found = self._plain.get(name)
        if found is None:
            return default
        fits = isinstance(found, tuple | list) if wanted is list else isinstance(found, wanted)
        if not fits or (wanted is int and isinstance(found, bool)):
            self.fault(name, f"expected {_TYPES[wanted]}, found {found!r}")
            return default
        return found


def told(faults: list[str]) -> None:
    """Raise what is wrong, if anything is: one fault as it is, several in brackets."""
    if faults:
        raise ReconcileError(faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]")
