"""
API objects made by hand, in which plain dicts and lists stand where parts, maps and lists of the API are meant.

Takes:    an API object.
Gives:    the object that is meant; itself if nothing plain is in it.
Source:   nothing but Python's own habits: Pod(metadata={"name": "web"}), PodSpec(containers=[...]).
Left out: a dict's keys are the API's names (camelCase), as in a manifest.
"""

from __future__ import annotations

from typing import Any

import attrs

from reconcile.api.convert import load
from reconcile.lib.mapping import Map


def whole(obj: Any) -> Any:
    """
    Give *obj* with what is plain in it read as what it stands for.

    Raises:
        InvalidObject: something in it stands for nothing; path, expectation and value are shown.
    """
    if not _is_api(obj) or not _has_plain(obj):
        return obj
    return load(_content(obj), cls=obj.__class__).object


def _is_api(value: Any) -> bool:
    return hasattr(value.__class__, "JSON_NAMES")


def _has_plain(value: Any) -> bool:
    if value.__class__ is dict or value.__class__ is list:
        return True
    if isinstance(value, tuple):
        return any(map(_has_plain, value))
    if isinstance(value, Map):
        return any(map(_has_plain, value.values()))
    return _is_api(value) and any(_has_plain(getattr(value, field.name)) for field in attrs.fields(value.__class__))


def _content(value: Any) -> Any:
    if _is_api(value):
        names = zip(attrs.fields(value.__class__), value.JSON_NAMES, strict=True)
        parts = {json: getattr(value, field.name) for field, json in names}
        return {json: _content(part) for json, part in parts.items() if part is not None}
    if isinstance(value, dict):
        return {key: _content(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_content(entry) for entry in value]
    return value if value.__class__ in (str, int, bool, float) else str(value)
