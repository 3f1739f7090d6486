"""
Names: what Kubernetes takes for a name, a label key, a label value, and what it says of one that it does not take.

Each question gives the faults as texts, none for a name that is well. Answers are remembered: the same few names are
asked about again and again.

Source:   apimachinery's validation of names and labels; RFC 1123, RFC 1035.
Left out: nothing known.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from reconcile.lib.mapping import Map

Faults = tuple[str, ...]

LABEL_LENGTH: Final = 63
SUBDOMAIN_LENGTH: Final = 253
ANNOTATIONS_SIZE: Final = 256 * 1024
PORT_NAME_LENGTH: Final = 15

_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(\.{_LABEL})*"
_UNDERSCORED_LABEL: Final = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_UNDERSCORED: Final = rf"{_UNDERSCORED_LABEL}(\.{_UNDERSCORED_LABEL})*"
_HEADER: Final = "[-A-Za-z0-9]+"
_KEY: Final = "[-._a-zA-Z0-9]+"
_WILDCARD: Final = rf"\*\.{_SUBDOMAIN}"
_IDENTIFIER: Final = "[A-Za-z_][A-Za-z0-9_]*"
_LABEL_1035: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE: Final = f"({_QUALIFIED})?"
_PATTERNS: Final = {
    form: re.compile(form)
    for form in (
        *(_LABEL, _SUBDOMAIN, _LABEL_1035, _QUALIFIED, _LABEL_VALUE, _UNDERSCORED, _HEADER, _KEY),
        *(_WILDCARD, _IDENTIFIER, "[-a-z0-9]+"),
    )
}


@lru_cache(maxsize=8192)
def label_faults(name: str) -> Faults:
    """Say what keeps *name* from being a label of RFC 1123: a namespace's, a container's."""
    faults = _too_many(name, LABEL_LENGTH)
    if not _is(_LABEL, name):
        if _is(_SUBDOMAIN, name):
            return (*faults, "must not contain dots")
        said = (
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and"
            " end with an alphanumeric character"
        )
        faults += (_by_form(said, _LABEL, "my-name", "123-abc"),)
    return faults


@lru_cache(maxsize=16384)
def subdomain_faults(name: str) -> Faults:
    """Say what keeps *name* from being a subdomain of RFC 1123: most objects' names."""
    faults = _too_many(name, SUBDOMAIN_LENGTH)
    if not _is(_SUBDOMAIN, name):
        said = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must"
            " start and end with an alphanumeric character"
        )
        faults += (_by_form(said, _SUBDOMAIN, "example.com"),)
    return faults


def long_name_faults(name: str) -> Faults:
    """Say what keeps *name* from being a long name: a subdomain of RFC 1123, whose bytes are counted."""
    return in_bytes(subdomain_faults(name))


def in_bytes(faults: Faults) -> Faults:
    """Give the faults of a name with its length in bytes, which is what is counted."""
    return tuple([fault.replace("characters", "bytes") if fault.startswith(_LENGTH) else fault for fault in faults])


_LENGTH: Final = "must be no more than "


@lru_cache(maxsize=1024)
def label_1035_faults(name: str) -> Faults:
    """Say what keeps *name* from being a label of RFC 1035: a service's."""
    faults = _too_many(name, LABEL_LENGTH)
    if not _is(_LABEL_1035, name):
        said = (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic"
            " character, and end with an alphanumeric character"
        )
        faults += (_by_form(said, _LABEL_1035, "my-name", "abc-123"),)
    return faults


@lru_cache(maxsize=1024)
def wildcard_faults(name: str) -> Faults:
    """Say what keeps *name* from being a subdomain whose first label may be any: `*.example.com`."""
    if _is(_WILDCARD, name):
        return ()
    said = (
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of"
        " lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
    )
    return (_by_form(said, _WILDCARD, "*.example.com"),)


@lru_cache(maxsize=1024)
def identifier_faults(name: str) -> Faults:
    """Say what keeps *name* from being an identifier of C: a device's attribute."""
    if _is(_IDENTIFIER, name):
        return ()
    said = (
        "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric"
        " characters or '_'"
    )
    return (_by_form(said, _IDENTIFIER, "my_name", "MY_NAME", "MyName"),)


@lru_cache(maxsize=1024)
def path_segment_faults(name: str) -> Faults:
    """Say what keeps *name* from being a segment of a path: all that some kinds ask of a name."""
    if name in (".", ".."):
        return (f"may not be '{name}'",)
    return tuple([f"may not contain '{part}'" for part in ("/", "%") if part in name])


@lru_cache(maxsize=8192)
def qualified_faults(name: str) -> Faults:
    """Say what keeps *name* from being the key of a label or an annotation: `app`, `example.com/app`."""
    prefix, slash, rest = name.rpartition("/")
    if "/" in prefix:
        return (
            "a valid label key "
            + _by_form(_PART, _QUALIFIED, "MyName", "my.name", "123-abc")
            + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
        )
    faults: Faults = ()
    if slash and not prefix:
        faults += ("prefix part must be non-empty",)
    elif prefix:
        faults += tuple([f"prefix part {fault}" for fault in in_bytes(subdomain_faults(prefix))])
    if not rest:
        faults += ("name part must be non-empty",)
    else:
        faults += tuple([f"name part {fault}" for fault in too_long(rest, LABEL_LENGTH)])
    if not _is(_QUALIFIED, rest):
        faults += ("name part " + _by_form(_PART, _QUALIFIED, "MyName", "my.name", "123-abc"),)
    return faults


_PART: Final = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)


@lru_cache(maxsize=16384)
def label_value_faults(value: str) -> Faults:
    """Say what keeps *value* from being a label's value."""
    faults = too_long(value, LABEL_LENGTH)
    if not _is(_LABEL_VALUE, value):
        said = f"a valid label must be an empty string or {_PART.removeprefix('must ')}"
        faults += (_by_form(said, _LABEL_VALUE, "MyValue", "my_value", "12345"),)
    return faults


@lru_cache(maxsize=1024)
def port_name_faults(name: str) -> Faults:
    """Say what keeps *name* from being a port's name."""
    faults = _too_many(name, PORT_NAME_LENGTH)
    if not _is("[-a-z0-9]+", name):
        faults += ("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",)
    if not any("a" <= letter <= "z" for letter in name):
        faults += ("must contain at least one letter (a-z)",)
    if "--" in name:
        faults += ("must not contain consecutive hyphens",)
    if name and (name[0] == "-" or name[-1] == "-"):
        faults += ("must not begin or end with a hyphen",)
    return faults


@lru_cache(maxsize=1024)
def underscored_faults(name: str) -> Faults:
    """Say what keeps *name* from being a subdomain in which underscores may be: a search path of DNS."""
    faults = _too_many(name, SUBDOMAIN_LENGTH)
    if not _is(_UNDERSCORED, name):
        said = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and"
            " must start and end with an alphanumeric character"
        )
        faults += (_by_form(said, _UNDERSCORED, "example.com"),)
    return faults


@lru_cache(maxsize=1024)
def header_faults(name: str) -> Faults:
    """Say what keeps *name* from being the name of a header of HTTP."""
    if _is(_HEADER, name):
        return ()
    said = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return (_by_form(said, _HEADER, "X-Header-Name"),)


@lru_cache(maxsize=4096)
def variable_faults(name: str) -> Faults:
    """Say what keeps *name* from being that of an environment variable."""
    faults: Faults = () if name else ("environment variable name must be non-empty",)
    if not all(" " <= letter <= "~" and letter != "=" for letter in name):
        said = "a valid environment variable name must consist only of printable ASCII characters other than '='"
        faults += (said,)
    return faults


@lru_cache(maxsize=4096)
def key_faults(name: str) -> Faults:
    """Say what keeps *name* from being a key of a ConfigMap or a Secret."""
    faults = _too_many(name, SUBDOMAIN_LENGTH)
    if not _is(_KEY, name):
        said = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        faults += (_by_form(said, _KEY, "key.name", "KEY_NAME", "key-name"),)
    if name in (".", ".."):
        faults += (f"must not be '{name}'",)
    elif name.startswith(".."):
        faults += ("must not start with '..'",)
    return faults


def labels_are_well(labels: Map[str] | None) -> bool:
    """Tell whether every key and value of *labels* is one: the quick question before the long answer."""
    return not labels or not any(qualified_faults(key) or label_value_faults(labels[key]) for key in labels)


def too_long(text: str, most: int) -> Faults:
    """Say that *text* has more than *most* bytes, if it has."""
    if len(text) <= most and (text.isascii() or len(text.encode()) <= most):
        return ()
    return (f"must be no more than {most} bytes",)


def _too_many(text: str, most: int) -> Faults:
    # What DNS has says how many characters it may have, though bytes are counted.
    return tuple([fault.replace("bytes", "characters") for fault in too_long(text, most)])


def _is(form: str, text: str) -> bool:
    return _PATTERNS[form].fullmatch(text) is not None


def _by_form(said: str, form: str, *examples: str) -> str:
    shown = " or ".join([f"'{example}', " for example in examples])
    return f"{said} (e.g. {shown}regex used for validation is '{form}')"
