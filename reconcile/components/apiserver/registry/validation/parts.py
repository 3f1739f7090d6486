"""Parts of validation that many kinds share: names, choices, what may not change, where programs are asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import attrs

from reconcile.api import golang
from reconcile.api.scalars import MicroTime, Quantity, Time
from reconcile.api.zeros import empty
from reconcile.components.apiserver.refusals import Cause, duplicate, not_supported, required, too_long, wrong
from reconcile.components.apiserver.registry.validation.metadata import IMMUTABLE, Naming
from reconcile.model.text import names

T = TypeVar("T")

_SCALARS: Final = (Quantity, Time, MicroTime)
_PATH: Final = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_PATHS: Final = re.compile(_PATH)
_HIGHEST_PORT: Final = 65535
_NO_PORT: Final = f"must be between 1 and {_HIGHEST_PORT}, inclusive"
_DRIVER_LENGTH: Final = 63
_SIGNER: Final = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
# RFC 3986, appendix B.
_URLS: Final = re.compile(r"(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)
_URL: Final = "; desired format: https://host[/path]"
_GROUP_SEGMENTS: Final = 2
_HOOK_SEGMENTS: Final = 3


def given(value: T | None, cls: type[T]) -> T:
    """Give a struct that Go has though nobody wrote it."""
    if value is not None:
        return value
    made: T = empty(cls)
    return made


def faulty(field: str, value: Any, faults: Iterable[str]) -> list[Cause]:
    """Say each of *faults* of a value."""
    return [wrong(field, value, fault) for fault in faults]


def named(field: str, name: str | None, naming: Naming, detail: str = "") -> list[Cause]:
    """Say that a name is missing, or what keeps it from being one."""
    return faulty(field, name, naming(name)) if name else [required(field, detail)]


def chosen(field: str, value: Any, supported: tuple[str, ...]) -> list[Cause]:
    """Say that a value is none of those that there are, be it empty or not."""
    return [] if value in supported else [not_supported(field, value or "", supported)]


def required_choice(field: str, value: Any, supported: tuple[str, ...]) -> list[Cause]:
    """Say that a value is missing, or is none of those that there are."""
    return chosen(field, value, supported) if value else [required(field)]


def unchanged(field: str, new: Any, old: Any) -> list[Cause]:
    """Say that a value changed that may not."""
    return [] if same(new, old) else [wrong(field, new, IMMUTABLE)]


def same(new: Any, old: Any) -> bool:
    """Tell whether two values say the same: what is empty is as good as what is not there."""
    return bool(new == old) or _said(new) == _said(old)


def _said(value: Any) -> Any:
    if attrs.has(value.__class__) and not isinstance(value, _SCALARS):
        value = golang.written(value)
    if isinstance(value, Mapping):
        found = {key: _said(entry) for key, entry in value.items()}
        return {key: entry for key, entry in found.items() if entry is not None} or None
    if isinstance(value, (list, tuple)):
        return [_said(entry) for entry in value] or None
    return value


def positive(field: str, value: int | None, words: str = "must be greater than zero") -> list[Cause]:
    """Say that a number is not above zero."""
    return [] if (value or 0) > 0 else [wrong(field, value or 0, words)]


def between(field: str, value: int | None, least: int, most: int) -> list[Cause]:
    """Say that a number is there and lies outside of two others."""
    if value is None or least <= value <= most:
        return []
    return [wrong(field, value, f"must be between {least} and {most}, inclusive")]


def port_faults(port: int | None) -> names.Faults:
    """Say that a number is none of a port."""
    return () if port is not None and 1 <= port <= _HIGHEST_PORT else (_NO_PORT,)


def duplicates(field: str, values: Iterable[Any], suffix: str = "") -> list[Cause]:
    """Say which of *values* were there before."""
    seen: list[Any] = []
    found: list[Cause] = []
    for place, value in enumerate(values):
        if value in seen:
            found.append(duplicate(f"{field}[{place}]{suffix}", value))
        seen.append(value)
    return found


def domain_path_causes(field: str, path: str) -> list[Cause]:
    """Say what keeps a text from being a path with a domain before it: `example.com/ingress`."""
    if not path:
        return [required(field)]
    host, _, rest = path.partition("/")
    if not (host and rest):
        return [wrong(field, path, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    found = faulty(field, host, names.subdomain_faults(host))
    if not _PATHS.fullmatch(rest):
        found.append(wrong(field, rest, f"Invalid path (regex used for validation is '{_PATH}')"))
    return found


def driver_causes(field: str, name: str) -> list[Cause]:
    """Say what keeps a text from being the name of a driver."""
    if not name:
        return [required(field)]
    found = [too_long(field, _DRIVER_LENGTH)] if len(name) > _DRIVER_LENGTH else []
    return found + faulty(field, name, names.subdomain_faults(name.lower()))


def signer_causes(field: str, name: str) -> list[Cause]:
    """Say what keeps a text from being the name of a signer: `example.com/name`."""
    if not name:
        return [required(field)]
    domain, slash, path = name.partition("/")
    if not slash or "/" in path:
        return [wrong(field, name, _SIGNER)]
    found = [too_long(field, names.SUBDOMAIN_LENGTH)] if len(domain) > names.SUBDOMAIN_LENGTH else []
    labels = domain.split(".")
    for label in labels:
        faults = names.label_faults(label)
        if faults:
            found += [wrong(field, domain, f'validating label "{label}": {fault}') for fault in faults]
            break
    if len(labels) < _GROUP_SEGMENTS:
        found.append(wrong(field, domain, "should be a domain with at least two segments separated by dots"))
    for label in path.split("."):
        faults = names.subdomain_faults(label)
        if faults:
            found += [wrong(field, path, f'validating label "{label}": {fault}') for fault in faults]
            break
    return found


def full_name_causes(field: str, name: str) -> list[Cause]:
    """Say what keeps a text from being a name of three segments at least: a webhook's."""
    if not name:
        return [required(field)]
    faults = names.subdomain_faults(name)
    if faults:
        return [wrong(field, name, ",".join(faults))]
    if len(name.split(".")) < _HOOK_SEGMENTS:
        return [wrong(field, name, "should be a domain with at least three segments separated by dots")]
    return []


def domain_causes(field: str, name: str) -> list[Cause]:
    """Say what keeps a text from being a whole domain name; it may end in a dot."""
    if not name:
        return [required(field)]
    name = name.removesuffix(".")
    faults = names.subdomain_faults(name)
    if faults:
        return [wrong(field, name, ",".join(faults))]
    labels = name.split(".")
    if len(labels) < _GROUP_SEGMENTS:
        return [wrong(field, name, "should be a domain with at least two segments separated by dots")]
    for label in labels:
        faults = names.label_faults(label)
        if faults:
            return [wrong(field, label, ",".join(faults))]
    return []


def url_causes(field: str, url: str) -> list[Cause]:
    """Say what keeps a text from being the URL of a webhook."""
    if url.startswith(":"):
        return [required(field, f'url must be a valid URL: parse "{url}": missing protocol scheme{_URL}')]
    parsed = _URLS.fullmatch(url)
    assert parsed is not None, "every text is split by it"
    scheme, authority, _, query, fragment = [part or "" for part in parsed.groups()]
    user, at, host = authority.rpartition("@")
    found: list[Cause] = []
    if scheme != "https":
        found.append(wrong(field, scheme, f"'https' is the only allowed URL scheme{_URL}"))
    if not host:
        found.append(wrong(field, host, f"host must be specified{_URL}"))
    if at:
        found.append(wrong(field, user, "user information is not permitted in the URL"))
    if fragment:
        found.append(wrong(field, fragment, "fragments are not permitted in the URL"))
    if query:
        found.append(wrong(field, query, "query parameters are not permitted in the URL"))
    return found


def service_causes(field: str, first: str, second: str, path: str | None, port: int | None) -> list[Cause]:
    """
    Say what is wrong with the service that a webhook is behind.

    Args:
        field: where it stands.
        first: what is missing as `namespace` if it is.
        second: what is missing as `name` if it is.
        path: of the URL.
        port: of the service.
    """
    found = [required(f"{field}.{name}") for name, value in (("name", second), ("namespace", first)) if not value]
    found += [wrong(f"{field}.port", port, f"port is not valid: {fault}") for fault in port_faults(port)]
    if not path or path == "/":
        return found
    at = f"{field}.path"
    if path == "//":
        return [*found, wrong(at, path, "segment[0] may not be empty")]
    if not path.startswith("/"):
        found.append(wrong(at, path, "must start with a '/'"))
    for place, step in enumerate(path[1:].removesuffix("/").split("/")):
        if not step:
            found.append(wrong(at, path, f"segment[{place}] may not be empty"))
            continue
        found += [wrong(at, path, f"segment[{place}]: {fault}") for fault in names.subdomain_faults(step)]
    return found


def reference_causes(field: str, group: str | None, kind: str, name: str) -> list[Cause]:
    """Say what is wrong with a reference to an object by group, kind and name."""
    found = [] if group is None else faulty(f"{field}.apiGroup", group, names.subdomain_faults(group))
    found += named(f"{field}.kind", kind, names.path_segment_faults)
    return found + named(f"{field}.name", name, names.path_segment_faults)
