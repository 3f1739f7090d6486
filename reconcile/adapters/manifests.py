"""
Manifests: YAML and JSON files to plain data, each document with its file and line.

YAML is read as kubectl reads it: a plain word is what YAML 1.1 makes of it
(yes, on and y are true; 010 is 8; 1_000 is 1000), except that dates stay text
and base-60 numbers do not exist; 1.0 is the integer 1, because that is how it
is written to the server; a key that is no text becomes text.

Takes:    a file, `-` for standard input, or a directory, of which *.yaml, *.yml
          and *.json are read in the order of their names.
Gives:    Manifest values; the items of a list as Manifests of their own.
Source:   kubectl's resource builder; sigs.k8s.io/yaml and its YAML reader.
Left out: a key that is there twice is an error, where kubectl takes the last
          one or leaves it to the server; a number beyond 64 bits is an error,
          where kubectl rounds it; a *.json file holds one value; directories
          are not searched recursively.
"""

import base64
import binascii
import codecs
import math
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import attrs
import yaml

from reconcile.api.text import LARGEST, SMALLEST, MalformedText, loads_json
from reconcile.lib.errors import ReconcileError

__all__ = ["Manifest", "ManifestError", "place_text", "read_manifests", "read_text"]

SUFFIXES = (".json", ".yaml", ".yml")
MOST_NODES = 250_000  # of one document whose text is shorter than that
DEEPEST = 200

_PLAIN = "?plain"
_TAGS = "tag:yaml.org,2002:"
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
}
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


class ManifestError(ReconcileError):
    """A manifest that cannot be used: *file*, *document* and *line* (both from 1; 0 if unknown) say where."""

    def __init__(self, reason: str, file: str, document: int = 0, line: int = 0) -> None:
        super().__init__(f"{place_text(file, document, line)}: {reason}")
        self.reason = reason
        self.file = file
        self.document = document
        self.line = line


Finder = Callable[[], yaml.Node | None]
"""Gives the node that something was read from, None if there is none."""


@attrs.frozen(kw_only=True)
class Manifest:
    """One object as it was written: the plain *content*, the *file* and *document* that it is in, and its *node*."""

    file: str
    document: int
    content: dict[str, Any]
    node: Finder = attrs.field(eq=False, repr=False)

    @property
    def line(self) -> int:
        """The line in which it begins, from 1."""
        return _line(self.node())

    @property
    def where(self) -> str:
        """The place in words."""
        return place_text(self.file, self.document, self.line)


def place_text(file: str, document: int, line: int) -> str:
    """Give a place in words; a document or a line of 0 is left out."""
    return file + (f", document {document}" if document else "") + (f", line {line}" if line else "")


def read_manifests(path: str | Path) -> tuple[Manifest, ...]:
    """
    Return every object in a file, or in the manifest files of a directory, in order.

    Raises:
        ManifestError: a file cannot be read, or is not what it should be.
    """
    if str(path) == "-":
        return read_text(sys.stdin.buffer.read(), "<stdin>")
    root = Path(path)
    try:
        files = _files_of(root)
    except OSError as error:
        raise ManifestError(f"cannot be read: {error.strerror}", str(root)) from None
    if not files:
        raise ManifestError(f"no files named {', '.join('*' + suffix for suffix in SUFFIXES)}", str(root))
    return tuple(manifest for file in files for manifest in _read_file(file))


def read_text(text: str | bytes, file: str = "<text>") -> tuple[Manifest, ...]:
    """
    Return every object in *text*; *file* is what errors call it, and a name that ends in .json makes it JSON.

    Raises:
        ManifestError: it is not what it should be.
    """
    if isinstance(text, bytes):
        text = text.removeprefix(codecs.BOM_UTF8)
    if file.endswith(".json"):
        return _read_json(text, file)
    return tuple(_documents(_decoded(text, file) if isinstance(text, bytes) else text, file))


def _files_of(root: Path) -> list[Path]:
    # A broken link is among them: it is an error, not nothing.
    if not root.is_dir():
        return [root]
    return sorted(entry for entry in root.iterdir() if entry.suffix in SUFFIXES and not entry.is_dir())


def _read_file(file: Path) -> tuple[Manifest, ...]:
    try:
        text = file.read_bytes()
    except OSError as error:
        raise ManifestError(f"cannot be read: {error.strerror}", str(file)) from None
    return read_text(text, str(file))


def _decoded(text: bytes, file: str) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise ManifestError(f"not UTF-8: byte {text[error.start]:#04x}", file, 0, line) from None


def _read_json(text: str | bytes, file: str) -> tuple[Manifest, ...]:
    try:
        found = loads_json(text)
    except MalformedText as error:
        raise ManifestError(f"column {error.column}: {error.reason}", file, 1, error.line) from None
    # Where something stands is asked only if something is wrong, and costs much more than reading it.
    return tuple(_unpacked(found, file, 1, cache(partial(_composed, text))))


def _composed(text: str | bytes) -> yaml.Node | None:
    """Read JSON as the YAML that it is, but for some white space and escapes."""
    try:
        return _Loader(text.decode() if isinstance(text, bytes) else text).get_single_node()
    except (yaml.YAMLError, RecursionError):
        return None


def _documents(text: str, file: str) -> Iterator[Manifest]:
    document = 1
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            assert node is not None  # check_node said so
            # Without aliases there are fewer values than characters.
            reading = _Reading(file=file, document=document, most=max(MOST_NODES, len(text)))
            found = reading.value(node)
            if found is not None:
                yield from _unpacked(found, file, document, partial(_itself, node))
            document += 1
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        hint = "; YAML is indented with spaces, not tabs" if "'\\t'" in str(error.problem) else ""
        begun = error.context_mark.line + 1 if error.context and error.context_mark else 0
        since = f" {error.context} that begins in line {begun}" if mark and begun and begun <= mark.line else ""
        reason = f"not YAML: {error.problem or error.context}{since}{hint}"
        raise ManifestError(reason, file, document, mark.line + 1 if mark else 0) from None
    except yaml.reader.ReaderError as error:
        position = error.position if isinstance(error.position, int) else 0
        line = text.count("\n", 0, position) + 1
        raise ManifestError(f"not YAML: character {int(error.character):#06x}", file, document, line) from None
    except RecursionError:
        raise ManifestError(f"nested deeper than {DEEPEST} levels", file, document) from None


def _unpacked(found: Any, file: str, document: int, node: Finder) -> Iterator[Manifest]:
    """Yield the objects of a document: itself, or the items of the list that it is."""
    if not isinstance(found, dict):
        raise ManifestError(f"expected a mapping, found {_sort(found)}", file, document, _line(node()))
    kind = found.get("kind")
    items = found.get("items")
    if not (isinstance(kind, str) and kind.endswith("List") and "items" in found):
        yield Manifest(file=file, document=document, content=found, node=node)
        return
    if items is not None and not isinstance(items, list):
        raise ManifestError(f"items: expected a list, found {_sort(items)}", file, document, _line(node()))
    for index, item in enumerate(items or ()):
        yield from _unpacked(item, file, document, partial(_item, node, index))


def _itself(node: yaml.Node) -> yaml.Node:
    return node


def _item(node: Finder, index: int) -> yaml.Node | None:
    """Find an item of the list that *node* is."""
    whole = node()
    if isinstance(whole, yaml.MappingNode):
        for key, value in whole.value:
            if key.value == "items" and isinstance(value, yaml.SequenceNode):
                item: yaml.Node = value.value[index]
                return item
    return whole


def _line(node: yaml.Node | None) -> int:
    return 1 if node is None else int(node.start_mark.line) + 1


def _sort(value: Any) -> str:
    sorts = {list: "a list", dict: "a mapping", str: "text", type(None): "null", bool: str(value).lower()}
    return sorts.get(type(value), repr(value))


class _Loader(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer):
    """PyYAML up to its nodes; which scalars are plain is remembered, what they mean is decided here."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)
        yaml.composer.Composer.__init__(self)

    def descend_resolver(self, parent: Any, index: Any) -> None:
        """Do nothing: what a scalar means does not depend on where it stands."""

    def ascend_resolver(self) -> None:
        """Do nothing."""

    def resolve(self, kind: type, value: Any, implicit: Any) -> str:  # noqa: ARG002 -- PyYAML's signature
        """Return the tag of a node that has none of its own."""
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else f"{_TAGS}str"
        return f"{_TAGS}seq" if kind is yaml.SequenceNode else f"{_TAGS}map"


@attrs.define(kw_only=True)
class _Reading:
    """One document as it is turned into plain data."""

    file: str
    document: int
    most: int
    nodes: int = 0
    above: list[yaml.Node] = attrs.field(factory=list)

    def value(self, node: yaml.Node) -> Any:
        """Return what a node means."""
        self.nodes += 1
        if self.nodes > self.most:
            raise self.error(f"more than {self.most:,} values, through aliases of aliases perhaps", node)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        if any(node is outer for outer in self.above):
            raise self.error("an alias that holds itself", node)
        if len(self.above) >= DEEPEST:
            raise self.error(f"nested deeper than {DEEPEST} levels", node)
        self.above.append(node)
        found = self.mapping(node) if isinstance(node, yaml.MappingNode) else self.sequence(node)
        self.above.pop()
        return found

    def sequence(self, node: yaml.Node) -> list[Any]:
        """Return a list."""
        if node.tag != f"{_TAGS}seq":
            raise self.error(f"a tag that JSON has no meaning for: {node.tag}", node)
        return [self.value(entry) for entry in node.value]

    def mapping(self, node: yaml.Node) -> dict[str, Any]:
        """Return a mapping; what << merges into it counts less than its own keys."""
        if node.tag != f"{_TAGS}map":
            raise self.error(f"a tag that JSON has no meaning for: {node.tag}", node)
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _PLAIN and key_node.value == "<<":
                for key, value in self.merged(value_node).items():
                    merged.setdefault(key, value)
                continue
            key = self.key(key_node)
            if key in found:
                raise self.error(f'duplicate key "{key}", first in line {lines[key]}', key_node)
            lines[key] = _line(key_node)
            found[key] = self.value(value_node)
        return {**{key: value for key, value in merged.items() if key not in found}, **found} if merged else found

    def merged(self, node: yaml.Node) -> dict[str, Any]:
        """Return what << merges: a mapping, or mappings of which the first one counts most."""
        found = self.value(node)
        entries = found if isinstance(found, list) else [found]
        if not all(isinstance(entry, dict) for entry in entries):
            raise self.error("<< merges mappings only", node)
        return {key: value for entry in reversed(entries) for key, value in entry.items()}

    def key(self, node: yaml.Node) -> str:
        """Return a key as text."""
        if not isinstance(node, yaml.ScalarNode):
            raise self.error("a key that is a list or a mapping", node)
        found = self.scalar(node)
        if found is None:
            raise self.error("a key that is null", node)
        if isinstance(found, bool):
            return "true" if found else "false"
        return found if isinstance(found, str) else str(found)

    def scalar(self, node: yaml.ScalarNode) -> Any:
        """Return text, number, truth or None."""
        if not node.value.isascii() and _SURROGATE.search(node.value):
            raise self.error("an escape that is no character: half of a surrogate pair", node)
        if node.tag == f"{_TAGS}str":
            return node.value
        if node.tag == f"{_TAGS}binary":
            return self.binary(node)
        found = self.plain(node)
        if node.tag in (_PLAIN, f"{_TAGS}timestamp"):
            return found
        expected: dict[str, Any] = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}
        wanted = expected.get(node.tag.removeprefix(_TAGS))
        if wanted is None:
            raise self.error(f"a tag that JSON has no meaning for: {node.tag}", node)
        if not isinstance(found, wanted) or (isinstance(found, bool) and wanted is not bool):
            raise self.error(f"{node.value!r} is no {node.tag.removeprefix(_TAGS)}", node)
        return found

    def plain(self, node: yaml.ScalarNode) -> Any:
        """Return what YAML 1.1, as kubectl reads it, makes of a plain word."""
        text = node.value
        if text in _WORDS:
            return _WORDS[text]
        if _NO_NUMBER.fullmatch(text):
            raise self.error(f"JSON knows no such number: {text}", node)
        if text[0] not in "+-.0123456789":
            return text
        # A number that begins with a point may not have underscores in it.
        digits = text if text[0] == "." else text.replace("_", "")
        if _INTEGER.fullmatch(digits):
            return self.integer(digits, node)
        if not _FLOAT.fullmatch(digits) or (text[0] in "+-" and len(digits) == 1):
            return text
        number = float(digits)
        if not math.isfinite(number):
            raise self.error(f"a number beyond a double: {text[:40]}", node)
        # Go writes a whole double below 1e21 without point and exponent.
        return int(number) if number.is_integer() and abs(number) < 1e21 else number  # noqa: PLR2004

    def integer(self, digits: str, node: yaml.ScalarNode) -> int:
        """Return an integer of whichever base its prefix names."""
        body = digits.lstrip("+-").lower()
        base = {"0x": 16, "0b": 2, "0o": 8}.get(body[:2], 8 if body[0] == "0" and len(body) > 1 else 10)
        short = len(body) <= 66  # noqa: PLR2004 -- 64 binary digits and a prefix: more digits are never built
        found = int(body.removeprefix("0o").removeprefix("0x").removeprefix("0b"), base) if short else LARGEST + 1
        found = -found if digits[0] == "-" else found
        if not SMALLEST <= found <= LARGEST:
            raise self.error(f"a number beyond 64 bits: {digits[:40]}", node)
        return found

    def binary(self, node: yaml.ScalarNode) -> str:
        """Return the text that base64 encodes."""
        try:
            return base64.b64decode("".join(node.value.split()), validate=True).decode("utf-8")
        except (binascii.Error, ValueError):
            raise self.error("!!binary that is not base64 of UTF-8 text", node) from None

    def error(self, reason: str, node: yaml.Node) -> ManifestError:
        """Return an error that names the place of *node*."""
        return ManifestError(reason, self.file, self.document, _line(node))
