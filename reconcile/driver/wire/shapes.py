"""
The shape of the vocabulary: what each field of an event, effect, request or topology is called in JSON, and holds.

Read once for each class, from what attrs and its annotations say. Reading, writing and the schemas all go by it.

Source:   JSON names are camelCase, with Kubernetes' capitals: containerID, podCIDR.
Left out: nothing known.
"""

from __future__ import annotations

from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import attrs

from reconcile import effects, events
from reconcile.api import core_v1, resource_v1
from reconcile.cluster.topology import Topology
from reconcile.components.kubeproxy import RuleSet
from reconcile.effects import Audit, CallWebhook, Explain, Install, Notice, Record, Report
from reconcile.events import RuntimeReport, Watched, WebhookAnswered
from reconcile.lib.instant import WIDE
from reconcile.lib.mapping import Map
from reconcile.lib.table import Table
from reconcile.model.devices import DevicePool
from reconcile.model.hosts import Host
from reconcile.model.requests import Request, Response
from reconcile.store import Change

Special: TypeAlias = Literal["body", "answer", "object", "view", "free"]

# What an annotation `Any` holds: a type, or the name of what only its neighbours can tell.
_MEANT: Final[dict[tuple[type, str], Any]] = {
    (Request, "body"): "body",
    (Response, "body"): "answer",
    (Record, "about"): "object",
    (Notice, "object"): "object",
    (Install, "rules"): RuleSet,
    (Report, "report"): RuntimeReport,
    (Watched, "view"): "view",
    (CallWebhook, "review"): "free",
    (Audit, "event"): "free",
    (Explain, "explanation"): "free",
    (Topology, "audit"): "free",
    (Topology, "stages"): "free",
    (Topology, "scheduler"): "free",
    (WebhookAnswered, "body"): "free",
    (Change, "old"): "object",
    (Change, "new"): "object",
    (Host, "taints"): tuple[core_v1.Taint, ...],
    (Host, "manifests"): tuple[core_v1.Pod, ...],
    (DevicePool, "devices"): tuple[resource_v1.Device, ...],
    (DevicePool, "counters"): tuple[resource_v1.CounterSet, ...],
}

_CAPITALS: Final = {"id": "ID", "ip": "IP", "cidr": "CIDR"}
_TAGS: Final = {events.__name__: "event", effects.__name__: "effect"}  # of a package, and of the modules in it


@attrs.frozen(kw_only=True)
class Field:
    """
    One field.

    Args:
        name: in Python.
        json: in JSON.
        shape: its type, or a `Special`.
        default: what it is if JSON lacks it; `attrs.NOTHING` if it must be there.
    """

    name: str
    json: str
    shape: Any
    default: Any

    @property
    def required(self) -> bool:
        """Tell whether it must be there."""
        return self.default is attrs.NOTHING


@cache
def fields_of(cls: type[Any]) -> tuple[Field, ...]:
    """Give the fields of a class of the vocabulary, in the order in which it declares them."""
    hints = get_type_hints(cls, include_extras=True)
    return tuple(
        [
            Field(
                name=field.name,
                json=camel(field.name),
                shape=_MEANT.get((cls, field.name), hints[field.name]),
                default=_default(field),
            )
            for field in attrs.fields(cls)
        ]
    )


def tag_of(cls: type) -> tuple[str, str]:
    """
    Give the JSON name under which a class says which it is, and what it says there: ("event", "Execute").

    Both are empty where its place says what it is. A class outside the vocabulary has a tag if it has a `JSON_TAG`.
    """
    tag = _tag(cls.__module__)
    own: tuple[str, str] | None = getattr(cls, "JSON_TAG", None)
    return own or (tag, cls.__name__ if tag else "")


def choices_of(shape: Any) -> tuple[Any, ...]:
    """Give the parts of a union, without None; of any other shape, the shape alone."""
    if get_origin(shape) not in (Union, UnionType):
        return (shape,)
    return tuple([part for part in get_args(shape) if part is not type(None)])


def may_be_null(shape: Any) -> bool:
    """Tell whether None is among what *shape* allows."""
    return get_origin(shape) in (Union, UnionType) and type(None) in get_args(shape)


def item_of(shape: Any) -> Any:
    """Give the type of what a `tuple[..., ...]` holds; None if it is no tuple."""
    return get_args(shape)[0] if get_origin(shape) is tuple else None


def entry_of(shape: Any) -> Any:
    """Give the type of a Map's values; None if it is no Map."""
    return get_args(shape)[0] if get_origin(shape) is Map else None


def row_of(shape: Any) -> Any:
    """Give the type of a Table's values, whose keys are text; None if it is no Table."""
    return get_args(shape)[1] if get_origin(shape) is Table else None


def words_of(shape: Any) -> tuple[str, ...]:
    """Give the words that a Literal allows; none if it is no Literal."""
    return get_args(shape) if get_origin(shape) is Literal else ()


def is_wide(shape: Any) -> bool:
    """Tell whether *shape* is an integer that JSON holds as text, so that no reader rounds it: an instant, a seed."""
    return get_origin(shape) is Annotated and WIDE in get_args(shape)


def is_api_class(shape: Any) -> bool:
    """Tell whether *shape* is the class of an API object, or of a part of one."""
    return isinstance(shape, type) and shape.__module__.startswith("reconcile.api.") and attrs.has(shape)


def camel(name: str) -> str:
    """Give a field's name in JSON: `resource_version` is resourceVersion, `container_id` is containerID."""
    first, *rest = name.strip("_").split("_")
    return first + "".join([_CAPITALS.get(word, word.capitalize()) for word in rest])


def _default(field: attrs.Attribute[Any]) -> Any:
    return field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type,union-attr]


def _tag(module: str) -> str:
    return _TAGS.get(module) or _TAGS.get(module.rpartition(".")[0], "")
