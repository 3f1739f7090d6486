"""
The files that a scheduler's configuration names: the certificates and keys of its extenders, read into it as data.

The scheduler itself is pure and reads nothing. Paths are those of the directory in which the command runs.

Takes:    a KubeSchedulerConfiguration, as plain values.
Gives:    the same with `caData`, `certData` and `keyData` where it names files and has no such data.
Source:   client-go's dataFromSliceOrFile.
Left out: a file that changes while the program runs is not read again.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from reconcile.lib.errors import ReconcileError

_DATA: Final = {"caFile": "caData", "certFile": "certData", "keyFile": "keyData"}


def with_files(given: Any, at: str = "") -> Any:
    """
    Give a configuration with what is in the files that its extenders name; as it is where it has no such form.

    Args:
        given: the configuration.
        at: where it stands, with a dot at its end.

    Raises:
        ReconcileError: a file cannot be read; where it is named is said.
    """
    extenders = given.get("extenders") if isinstance(given, Mapping) else None
    if not isinstance(extenders, list | tuple):
        return given
    return {**given, "extenders": [_known(each, f"{at}extenders[{place}]") for place, each in enumerate(extenders)]}


def _known(extender: Any, at: str) -> Any:
    tls = extender.get("tlsConfig") if isinstance(extender, Mapping) else None
    if not isinstance(tls, Mapping):
        return extender
    found = {}
    for file, data in _DATA.items():
        path = tls.get(file)
        if isinstance(path, str) and path and not tls.get(data):
            try:
                found[data] = b64encode(Path(path).read_bytes()).decode()
            except OSError as error:
                raise ReconcileError(f"{at}.tlsConfig.{file}: {path}: {error.strerror}") from None
    return {**extender, "tlsConfig": {**tls, **found}}
