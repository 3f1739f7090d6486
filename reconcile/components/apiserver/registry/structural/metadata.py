"""
Metadata of custom objects, which come as plain JSON data.

Source:   apiextensions-apiserver's coercion of metadata.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconcile.api import convert, meta_v1
from reconcile.components.apiserver.refusals import Refusal
from reconcile.lib.errors import ReconcileError
from reconcile.model import statuses

FIELDS: Final = frozenset(meta_v1.ObjectMeta.JSON_NAMES)
_GO_NAMES: Final = {bool: "bool", int: "number", float: "number", list: "array", dict: "object", str: "string"}


def metadata_of(given: Any, kind: str, version: str) -> tuple[meta_v1.ObjectMeta, tuple[str, ...]]:
    """
    Give the metadata that an object of *kind* in *version* says, and the paths of what no metadata have.

    Raises:
        Refusal: 400, they are none.
    """
    data = {} if given is None else given
    fault = _fault(data)
    if not fault:
        known = {key: value for key, value in data.items() if key in FIELDS}
        try:
            found = convert.load(known, cls=meta_v1.ObjectMeta, unknown="Ignore", absent="zero").object
            return found, tuple(f"metadata.{key}" for key in data if key not in FIELDS)
        except ReconcileError as error:
            fault = str(error)
    raise Refusal(statuses.bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {fault}'))


def _fault(data: Any) -> str:
    """Say as Go does what is no text among labels and annotations; empty if nothing is."""
    if not isinstance(data, Mapping):
        return f"json: cannot unmarshal {_GO_NAMES[type(data)]} into Go value of type v1.ObjectMeta"
    for field in ("labels", "annotations"):
        entries = data.get(field)
        for value in entries.values() if isinstance(entries, Mapping) else ():
            if not isinstance(value, str) and value is not None:
                name = _GO_NAMES.get(type(value), "object")
                return f"json: cannot unmarshal {name} into Go struct field ObjectMeta.{field} of type string"
    return ""
