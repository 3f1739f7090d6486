"""
Registries: from where images come, how fast, and how that fails.

    registries:
      docker.io: {bandwidth: 20Mi, latency: 100ms..300ms, failures: [{error: rate limited, times: 2}]}
      "*": {bandwidth: 100Mi, failures: [{error: unreachable, probability: 5%}]}

Takes:    what a document says of registries; the name of an image.
Gives:    a Registry, or None where nothing is said; errors in containerd's words.
Source:   containerd: remotes/docker, and what it says through the Container Runtime Interface.
Left out: mirrors; layers that images share.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

import attrs

from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.model.behaviours.behaviour import Span
from reconcile.model.behaviours.reading import fraction, only, rows_at, size_at, span_at, text_at

_MOST_TIMES: Final = 1_000_000

# What a pull that fails says after the image's name; {url} is the registry's for the manifest.
_SAID: Final = {
    "rate limited": (
        "unexpected status from HEAD request to {url}: 429 Too Many Requests"
    ),
    "unauthorized": (
        "pull access denied, repository does not exist or may require authorization: server message: "
        "insufficient_scope: authorization failed"
    ),
    "manifest unknown": "{name}: not found",
    "unavailable": "unexpected status from HEAD request to {url}: 503 Service Unavailable",
    "unreachable": 'failed to do request: Head "{url}": dial tcp: lookup {host}: i/o timeout',
}  # fmt: skip
_CODES: Final = {"manifest unknown": "NotFound"}
_HOSTS: Final = {"docker.io": "registry-1.docker.io"}


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Fault:
    """How a registry fails: the first *times* pulls of an image by each host, or each with a probability."""

    error: str
    times: int = 0
    parts: int = 0
    of: int = 1


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Registry:
    """
    A registry.

    Args:
        bandwidth: bytes a second that come to one host, shared by its pulls; 0: an image takes as long as it says.
        latency: what each pull takes beside.
        faults: how pulls fail.
        accounts: user -> password; without any, everybody may pull.
    """

    bandwidth: int = 0
    latency: Span = Span(0, 0)
    faults: tuple[Fault, ...] = ()
    accounts: Map[str] = Map()

    def admits(self, logins: tuple[tuple[str, str], ...]) -> int | None:
        """Give which of *logins* it takes, from 1 on, 0 if it needs none; None if it takes none of them."""
        if not self.accounts:
            return 1 if logins else 0
        taken = [place for place, (user, word) in enumerate(logins, 1) if self.accounts.get(user) == word]
        return taken[0] if taken else None

    def fails(self, tried: int, dice: Dice) -> str:
        """Give the error of a pull, the *tried*th of its image by its host from 0; empty if it does not fail."""
        for fault in self.faults:
            if tried < fault.times:
                return fault.error
            if fault.parts:
                failed, dice = dice.chance(fault.parts, fault.of)
                if failed:
                    return fault.error
        return ""


def registries_of(written: Any) -> Map[Registry]:
    """
    Read what a document says of registries: host, or a glob -> what it does.

    Raises:
        ReconcileError: it cannot be understood; its path and value are shown.
    """
    if not isinstance(written, Mapping):
        raise ReconcileError(f"registries: must map hosts to what they do, not be {written!r}")
    return Map({str(host): _registry(written[host], f"registries[{host!r}]") for host in written})


def found(registries: Map[Registry], name: str) -> Registry | None:
    """Give the registry of an image by its full *name*, `docker.io/library/web:1`: by its host, else by a glob."""
    host = name.partition("/")[0]
    if host in registries:
        return registries[host]
    fitting = [pattern for pattern in registries if fnmatchcase(host, pattern)]
    return registries[max(fitting, key=lambda pattern: (len(pattern), pattern))] if fitting else None


def refusal(error: str, name: str) -> str:
    """Give what a runtime says of a pull that failed, of an image by its full name."""
    host, _, rest = name.partition("/")
    repository, colon, tag = rest.rpartition(":")
    where = _HOSTS.get(host, host)
    url = f"https://{where}/v2/{repository if colon else rest}/manifests/{tag if colon else 'latest'}"
    said = _SAID[error].format(url=url, name=name, host=where)
    code = _CODES.get(error, "Unknown")
    return f'rpc error: code = {code} desc = failed to pull and unpack image "{name}": failed to resolve image: {said}'


def document_of(registries: Map[Registry]) -> dict[str, Any]:
    """Give the document of which `registries_of` makes these again."""
    return {host: _written(registry) for host, registry in registries.items()}


def _registry(written: Any, path: str) -> Registry:
    only(written, ("bandwidth", "latency", "failures", "accounts"), path)
    rows = rows_at(written.get("failures") or (), f"{path}.failures")
    bandwidth = size_at(written["bandwidth"], f"{path}.bandwidth") if "bandwidth" in written else 0
    if "bandwidth" in written and not bandwidth:
        raise ReconcileError(f"{path}.bandwidth: nothing comes at {written['bandwidth']!r} bytes a second")
    return Registry(
        bandwidth=bandwidth,
        latency=span_at(written["latency"], f"{path}.latency") if "latency" in written else Span(0, 0),
        faults=tuple([_fault(row, f"{path}.failures[{place}]") for place, row in enumerate(rows)]),
        accounts=_accounts(written.get("accounts") or {}, f"{path}.accounts"),
    )


def _accounts(written: Any, path: str) -> Map[str]:
    if not isinstance(written, Mapping):
        raise ReconcileError(f"{path}: must map users to passwords, not be {written!r}")
    return Map({str(user): text_at(word, f"{path}[{str(user)!r}]") for user, word in written.items()})


def _fault(row: Any, path: str) -> Fault:
    only(row, ("error", "times", "probability"), path)
    error = text_at(row.get("error"), f"{path}.error")
    if error not in _SAID:
        raise ReconcileError(f"{path}.error: must be one of {', '.join(_SAID)}, not {error!r}")
    if ("times" in row) == ("probability" in row):
        raise ReconcileError(f"{path}: needs either 'times' or 'probability': {row!r}")
    if "probability" in row:
        parts, of = fraction(row["probability"], f"{path}.probability")
        return Fault(error=error, parts=parts, of=of)
    times = row["times"]
    if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= _MOST_TIMES:
        raise ReconcileError(f"{path}.times: must be a number from 1 to {_MOST_TIMES:,}, not {times!r}")
    return Fault(error=error, times=times)


def _written(registry: Registry) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if registry.bandwidth:
        said["bandwidth"] = str(registry.bandwidth)
    if registry.latency != Span(0, 0):
        said["latency"] = str(registry.latency)
    if registry.accounts:
        said["accounts"] = dict(registry.accounts)
    if registry.faults:
        said["failures"] = [
            {"error": fault.error, **({"times": fault.times} if fault.times else _chance(fault))}
            for fault in registry.faults
        ]
    return said


def _chance(fault: Fault) -> dict[str, str]:
    return {"probability": f"{fault.parts}/{fault.of}"}
