"""Places: where in a file something stands."""

from __future__ import annotations

import attrs

from reconcile.lib.errors import ReconcileError


class ManifestError(ReconcileError):
    """A manifest that cannot be used: *file*, *document* and *line* (both from 1; 0 if unknown) say where."""

    def __init__(self, reason: str, file: str, document: int = 0, line: int = 0) -> None:
        super().__init__(f"{place_text(file, document, line)}: {reason}")
        self.reason = reason
        self.file = file
        self.document = document
        self.line = line


def place_text(file: str, document: int, line: int) -> str:
    """Give a place in words; a document or a line of 0 is left out."""
    return file + (f", document {document}" if document else "") + (f", line {line}" if line else "")


@attrs.frozen
class Spot:
    """
    A value of a document by where it stands.

    Args:
        line: where it begins, from 1.
        items: what a list holds.
        fields: what a mapping holds, as written: key, the line of the key, value.
    """

    line: int
    items: tuple[Spot, ...] = ()
    fields: tuple[tuple[str, int, Spot], ...] = ()
