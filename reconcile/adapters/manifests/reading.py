"""
Reading: files, directories and standard input, cut into documents, and documents into objects.

What begins with a brace is JSON, any number of values one after the other, whatever the file is called; where that
fails within the first two values, what is left is read as YAML. YAML is cut at the lines that begin with three dashes,
before anything else is known of it.

Source:   k8s.io/cli-runtime resource: the visitors; k8s.io/apimachinery util/yaml: YAMLOrJSONDecoder.
"""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import attrs

from reconcile.adapters.manifests import parsing
from reconcile.adapters.manifests.places import ManifestError, Spot, place_text
from reconcile.api.text import MalformedText, next_json

SUFFIXES: Final = (".json", ".yaml", ".yml")

_BOM: Final = "\ufeff"
_SEPARATOR: Final = re.compile(r"^---(.*)\n?", re.MULTILINE)
_NOTHING: Final = re.compile(r"(?:[^\S\n]*(?:#[^\n]*)?\n)*[^\S\n]*(?:#[^\n]*)?")
_LOOKED_AT: Final = 4096  # so far kubectl looks for the brace that makes it JSON
_AMBIGUOUS: Final = 1  # with more values than this, it is JSON and nothing else

Finder = Callable[[], Spot | None]
"""Gives where something that was read stands, None if that cannot be told."""


@attrs.frozen(kw_only=True)
class Manifest:
    """
    One object as it was written.

    Args:
        file: what it is called.
        document: which of it, from 1.
        content: the plain data; parts that the file has once, by an anchor, may be one and the same here.
        node: finds where it stands.
        warnings: what kubectl takes, but hardly anybody means; of the document, with the first object in it.
    """

    file: str
    document: int
    content: dict[str, Any]
    node: Finder = attrs.field(eq=False, repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def line(self) -> int:
        """The line in which it begins, from 1."""
        return _line(self.node)

    @property
    def where(self) -> str:
        """The place in words."""
        return place_text(self.file, self.document, self.line)


def read_manifests(path: str | Path, *, recursive: bool = False) -> tuple[Manifest, ...]:
    """
    Return every object in a file, or in the manifest files of a directory, in order.

    Args:
        path: the file or directory; `-` for standard input.
        recursive: whether directories in a directory are read as well, as with kubectl's -R.

    Raises:
        ManifestError: a file cannot be read, or is not what it should be.
    """
    if str(path) == "-":
        if sys.stdin is None:
            raise ManifestError("cannot be read: standard input is closed", "<stdin>")
        return read_text(sys.stdin.buffer.read(), "<stdin>")
    root = Path(path)
    try:
        files = _files_of(root, recursive=recursive)
    except OSError as error:
        raise ManifestError(f"cannot be read: {error.strerror}", str(root)) from None
    if not files:
        below = "" if recursive else "; -R looks into directories in it as well"
        raise ManifestError(f"no files named {', '.join('*' + suffix for suffix in SUFFIXES)}{below}", str(root))
    return tuple([manifest for file in files for manifest in _read_file(file)])


def read_text(text: str | bytes, file: str = "<text>") -> tuple[Manifest, ...]:
    """
    Return every object in *text*; *file* is what errors call it.

    Raises:
        ManifestError: it is not what it should be.
    """
    warnings: list[str] = []
    decoded = _decoded(text, file, warnings) if isinstance(text, bytes) else text
    whole = decoded.removeprefix(_BOM).replace("\r\n", "\n")
    # A last line without an end is a line all the same, also of a block that keeps its end.
    stream = _Stream(whole if whole.endswith("\n") else whole + "\n", file, warnings)
    return tuple(stream.manifests())


def _files_of(root: Path, *, recursive: bool) -> list[Path]:
    # A broken link is among them: it is an error, not nothing.
    if not root.is_dir():
        return [root]
    found: list[Path] = []
    for entry in sorted(root.iterdir()):
        if entry.is_dir():
            # kubectl does not follow links to directories, so a tree has no circles.
            if recursive and not entry.is_symlink():
                found += _files_of(entry, recursive=True)
        elif entry.suffix in SUFFIXES:
            found.append(entry)
    return found


def _read_file(file: Path) -> tuple[Manifest, ...]:
    try:
        text = file.read_bytes()
    except OSError as error:
        raise ManifestError(f"cannot be read: {error.strerror}", str(file)) from None
    return read_text(text, str(file))


def _decoded(text: bytes, file: str, warnings: list[str]) -> str:
    """Decode UTF-8, or UTF-16 with a byte order mark; what is neither becomes U+FFFD, with a warning."""
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return text.decode("utf-16", "replace")
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        place = place_text(file, 0, line)
        warnings.append(f"{place}: not UTF-8: byte {text[error.start]:#04x}, read as U+FFFD")
        return text.decode(errors="replace")


class _Stream:
    """The documents of one file, in order."""

    def __init__(self, text: str, file: str, warnings: list[str]) -> None:
        self._text = text
        self._file = file
        self._document = 1
        self._warnings = warnings

    def manifests(self) -> Iterator[Manifest]:
        """Yield every object."""
        if not self._text[:_LOOKED_AT].lstrip().startswith("{"):
            yield from self._yaml(0)
            return
        start, values = 0, 0
        while (at := self._after_space(start)) < len(self._text):
            try:
                found, end = next_json(self._text, at, self._repeated)
            except MalformedText as error:
                if values > _AMBIGUOUS:
                    raise self._malformed(error) from None
                yield from self._yaml(self._where_yaml_begins(start), error)
                return
            # Where something stands is asked only if something is wrong, and costs much more than reading it.
            text = self._text[at:end]
            yield from self._unpacked(found, _finder(text, self._text.count("\n", 0, at)))
            start, values = end, values + 1
            self._document += 1

    def _after_space(self, start: int) -> int:
        while start < len(self._text) and self._text[start].isspace():
            start += 1
        return start

    def _where_yaml_begins(self, start: int) -> int:
        """Skip white space up to and with the first line's end, as kubectl does when it gives JSON up."""
        end = self._after_space(start)
        line_end = self._text.find("\n", start, end)
        return end if line_end < 0 else line_end + 1

    def _repeated(self, key: str, line: int) -> None:
        self._warn(line, f'duplicate key "{key}": the last one counts')

    def _malformed(self, error: MalformedText) -> ManifestError:
        return ManifestError(f"column {error.column}: {error.reason}", self._file, self._document, error.line)

    def _yaml(self, start: int, instead: MalformedText | None = None) -> Iterator[Manifest]:
        """Yield the objects of YAML from *start* on; *instead* is why what it begins with is no JSON."""
        base = self._text.count("\n", 0, start)
        for text, skipped in self._chunks(start):
            line = base + skipped
            try:
                document = parsing.parse(text.removeprefix(_BOM))
            except parsing.Malformed as error:
                # In what is called JSON, JSON was meant.
                if instead is not None and self._file.endswith(".json"):
                    raise self._malformed(instead) from None
                place = error.line + line if error.line else 0
                raise ManifestError(error.reason, self._file, self._document, place) from None
            for number, reason in document.warnings:
                self._warn(number + line, reason)
            if document.content is not None:
                instead = None
                yield from self._unpacked(document.content, _finder(text, line))
            self._document += 1

    def _chunks(self, start: int) -> Iterator[tuple[str, int]]:
        """Yield the documents of YAML, each with how many lines of the text stand before it."""
        place = start
        line = 0
        for match in _SEPARATOR.finditer(self._text, start):
            chunk = self._text[place : match.start()]
            # Comments before the first separator are no document of their own.
            if place > start or _NOTHING.fullmatch(chunk) is None:
                yield chunk, line
            line += chunk.count("\n")
            rest = match[1].strip()
            if rest and rest[0] != "#":
                number = self._text.count("\n", 0, match.start()) + 1
                raise ManifestError(f"not YAML: invalid document separator: {rest}", self._file, self._document, number)
            line += match[0].count("\n")
            place = match.end()
        yield self._text[place:], line

    def _warn(self, line: int, reason: str) -> None:
        self._warnings.append(f"{place_text(self._file, self._document, line)}: {reason}")

    def _unpacked(self, found: Any, node: Finder) -> Iterator[Manifest]:
        """Yield the objects of a document: itself, or the items of the list that it is."""
        if not isinstance(found, dict):
            raise self._error(f"expected a mapping, found {_sort(found)}", node)
        kind, items = found.get("kind"), found.get("items")
        if not (isinstance(kind, str) and kind and "items" in found):
            warnings = tuple(self._warnings)
            self._warnings.clear()
            yield Manifest(file=self._file, document=self._document, content=found, node=node, warnings=warnings)
            return
        if items is not None and not isinstance(items, list):
            raise self._error(f"items: expected a list, found {_sort(items)}", node)
        # The items of a PodList need not say that they are Pods.
        own, version = kind.removesuffix("List"), found.get("apiVersion")
        said = {"kind": own, "apiVersion": version} if own and version else {}
        for index, item in enumerate(items or ()):
            bare = isinstance(item, dict) and not item.get("kind") and not item.get("apiVersion")
            yield from self._unpacked({**item, **said} if bare else item, partial(_item, node, index))

    def _error(self, reason: str, node: Finder) -> ManifestError:
        return ManifestError(reason, self._file, self._document, _line(node))


def _finder(text: str, line: int) -> Finder:
    """Give what finds the places in *text*, before which stand *line* lines; it reads the text once more."""

    def find() -> Spot | None:
        found = parsing.spots(text)
        return None if found is None else _moved(found, line)

    return cache(find)


def _moved(spot: Spot, lines: int) -> Spot:
    if not lines:
        return spot
    items = tuple([_moved(item, lines) for item in spot.items])
    fields = tuple([(key, line + lines, _moved(value, lines)) for key, line, value in spot.fields])
    return Spot(spot.line + lines, items, fields)


def _item(node: Finder, index: int) -> Spot | None:
    """Find an item of the list that *node* is."""
    whole = node()
    for key, _, value in whole.fields if whole is not None else ():
        if key == "items" and index < len(value.items):
            return value.items[index]
    return whole


def _line(node: Finder) -> int:
    found = node()
    return 1 if found is None else found.line


def _sort(value: Any) -> str:
    sorts = {list: "a list", dict: "a mapping", str: "text", type(None): "null", bool: str(value).lower()}
    return sorts.get(type(value), repr(value))
