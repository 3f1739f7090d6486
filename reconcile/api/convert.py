"""
JSON data to API objects and back: the only place that knows JSON names.

One cattrs converter holds a hook for each type that a field can have. A hook
that reads takes good input at full speed and gives up at the first fault;
only then faults.py reads the same data again, slowly, and names every one.

Takes:    plain JSON data: dict, list, str, int, float, bool, None.
Gives:    API objects, and plain JSON data.
Source:   sigs.k8s.io/json and the server's fieldValidation. As there, names
          are case-sensitive; null is absent; an integer has neither fraction
          nor exponent, so 1.0 is refused where 1 is meant (YAML's 1.0 is 1
          before it gets here, see adapters.manifests).
Left out: nothing known.
"""

from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Any, Generic, TypeVar, cast, overload

import attrs
import cattrs

from reconcile.api import kinds
from reconcile.api.faults import Absent, Fault, InvalidObject, Unknown, read_slowly
from reconcile.api.quantity import Quantity
from reconcile.api.scalars import Base64, Int32, Int64, IntOrString, Json, MicroTime, Time, freeze, thaw
from reconcile.api.shapes import CustomObject, blank, fields_of, within
from reconcile.api.text import MalformedText, loads_json
from reconcile.api.values import NotThis, base64_text, double, int32, int64, micro_time, quantity, time
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick

__all__ = ["CustomObject", "Fault", "InvalidObject", "Loaded", "MalformedText", "Unknown", "dump", "load", "loads_json"]

T = TypeVar("T")
Hook = Callable[..., Any]

# What reading good data at full speed may trip over.
_TRIPPED = (ReconcileError, KeyError, TypeError, ValueError, AttributeError)


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Loaded(Generic[T]):
    """An object, and what there was to warn about."""

    object: T
    warnings: tuple[str, ...] = ()


@overload
def load(data: Any, *, cls: type[T], unknown: Unknown = "Strict", absent: Absent = "refused") -> Loaded[T]: ...


@overload
def load(data: Any, *, cls: None = None, unknown: Unknown = "Strict", absent: Absent = "refused") -> Loaded[Any]: ...


def load(
    data: Any, *, cls: type[Any] | None = None, unknown: Unknown = "Strict", absent: Absent = "refused"
) -> Loaded[Any]:
    """
    Return the object that plain JSON data holds.

    Args:
        data: a mapping; what JSON calls null is absent.
        cls: what it should be; without it, apiVersion and kind tell, and a
            kind of a group that is not Kubernetes' own is a CustomObject.
        unknown: whether a field that the class lacks is refused (Strict),
            dropped with a warning (Warn), or dropped (Ignore).
        absent: whether data that lacks a required field is refused, or read
            as the zero of its type, as Go does.

    Raises:
        InvalidObject: with every fault's path, expectation and value.
    """
    expected = _class_of(data) if cls is None else cls
    if cls is not None:
        _check_identity(data, cls)
    try:
        return Loaded(object=_reader(expected)(data))
    except RecursionError:
        # Only a schema in a CustomResourceDefinition can hold itself; free JSON has a border of its own.
        raise InvalidObject((Fault("", "nested too deep", None, "missing"),)) from None
    except _TRIPPED:
        found, warnings = read_slowly(expected, data, unknown, absent)
        return Loaded(object=found, warnings=warnings)


def dump(obj: Any) -> dict[str, Any]:
    """Return an API object, or a part of one, as plain JSON data, its fields in the order of their declaration."""
    found: dict[str, Any] = _READS.get_unstructure_hook(obj.__class__)(obj)
    return found


def _class_of(data: Any) -> type:
    if not isinstance(data, dict):
        raise InvalidObject((Fault("", "expected an object", data),))
    faults = tuple(
        Fault(name, "expected a string", data[name])
        if data.get(name) is not None
        else Fault(name, "required", None, "missing")
        for name in ("apiVersion", "kind")
        if not isinstance(data.get(name), str) or not data[name]
    )
    if faults:
        raise InvalidObject(faults)
    version, kind = data["apiVersion"], data["kind"]
    found = kinds.class_for(version, kind)
    if found is not None:
        return found
    group, _, rest = version.rpartition("/")
    if kinds.is_built_in(group) or not rest or "/" in group:
        try:
            kinds.resource_for(version, kind)
        except ReconcileError as error:
            raise InvalidObject((Fault("kind", f"expected a kind of the API ({error})", kind),)) from None
    return CustomObject


def _check_identity(data: Any, cls: type) -> None:
    """Refuse data that says itself to be of another kind than *cls*."""
    own = getattr(attrs.fields_dict(cls).get("kind"), "default", None)
    if not isinstance(data, dict) or not isinstance(own, str) or cls is CustomObject:
        return
    version, kind = data.get("apiVersion"), data.get("kind")
    if kind is not None and kind != own:
        raise InvalidObject((Fault("kind", f'expected "{own}"', kind),))
    if kind is not None and version is not None and kinds.class_for(str(version), kind) is not cls:
        wanted = attrs.fields_dict(cls)["api_version"].default
        raise InvalidObject((Fault("apiVersion", f'expected "{wanted}"', version),))


# ---------------------------------------------------------------- reading


class _Never:
    """A class that no value has."""


def _object_reader(cls: type) -> Hook:
    table: dict[str, tuple[str, type, Hook]] = {}
    absent = blank(cls)

    def read(data: Any, _: Any = None) -> Any:
        if not table:
            # Not before the first object: a class may hold itself.
            table.update({field.json: (field.name, *_field_reader(field.type)) for field in fields_of(cls)})
        if data.__class__ is not dict:
            raise NotThis
        present: dict[str, Any] = absent.copy()
        for key, value in data.items():
            name, itself, hook = table[key]
            if value.__class__ is itself:
                present[name] = value
            elif value is not None:
                present[name] = hook(value)
        return cls(**present)

    if attrs.fields(cls):
        return read
    return lambda data, _=None: _refused(data) if data else cls()


def _field_reader(shape: Any) -> tuple[type, Hook]:
    """Return the class whose instances are taken as they are, and the hook for all others."""
    if shape is str or shape is bool:
        return shape, _refused
    if shape == IntOrString:
        return str, int32
    return _Never, _reader(shape)


def _reader(shape: Any) -> Hook:
    # Our hooks take a value alone, though cattrs would pass its type as well.
    return cast("Hook", _READS.get_structure_hook(shape))


def _sequence_reader(shape: Any) -> Hook:
    inner = within(shape, tuple)
    if inner is str:
        return _texts
    hook = _reader(inner)

    def read(data: Any, _: Any = None) -> Any:
        if data.__class__ is not list:
            raise NotThis
        return tuple([hook(entry) for entry in data])

    return read


def _mapping_reader(shape: Any) -> Hook:
    inner = within(shape, Map)
    if inner is str:
        return _map_of_texts
    if inner == Json:
        return _map_of_json
    hook = _reader(inner)

    def read(data: Any, _: Any = None) -> Any:
        if data.__class__ is not dict:
            raise NotThis
        return Map([(key, hook(entry)) for key, entry in data.items()])

    return read


def _texts(data: Any, _: Any = None) -> tuple[str, ...]:
    if data.__class__ is not list or not _TEXT.issuperset(map(type, data)):
        raise NotThis
    return tuple(data)


def _map_of_texts(data: Any, _: Any = None) -> Map[str]:
    if data.__class__ is not dict or not _TEXT.issuperset(map(type, data.values())):
        raise NotThis
    return Map(data)


def _map_of_json(data: Any, _: Any = None) -> Any:
    return freeze(data) if data.__class__ is dict else _refused(data)


def _custom_reader(_: Any) -> Hook:
    def read(data: Any, _: Any = None) -> Any:
        return read_slowly(CustomObject, data, "Strict")[0]

    return read


def _text(data: Any, _: Any = None) -> Any:
    return data if data.__class__ is str else _refused(data)


def _truth(data: Any, _: Any = None) -> Any:
    return data if data.__class__ is bool else _refused(data)


def _text_or_int32(data: Any, _: Any = None) -> Any:
    return data if data.__class__ is str else int32(data)


def _refused(*_: Any) -> Any:
    raise NotThis


_TEXT = frozenset({str})


# ---------------------------------------------------------------- writing


def _object_writer(cls: type) -> Hook:
    fields = fields_of(cls)
    if not fields:
        return lambda _: {}
    getter = attrgetter(*(field.name for field in fields))
    present = getter if len(fields) > 1 else lambda obj: (getter(obj),)
    keys = tuple(field.json for field in fields)
    hooks: list[Hook | None] = []

    def write(obj: Any) -> dict[str, Any]:
        if not hooks:
            hooks.extend(writer_of(field.type) for field in fields)
        written = {}
        for key, hook, value in zip(keys, hooks, present(obj), strict=True):
            if value is not None:
                written[key] = value if hook is None else hook(value)
        return written

    return write


def writer_of(shape: Any) -> Hook | None:
    """Return what writes a value of type *shape*, or None if it is JSON as it stands."""
    if shape == Json:
        return thaw
    if shape is Quantity or shape is Time or shape is MicroTime:
        return attrgetter("text")
    for container, plain, frozen in ((tuple, list, _list_writer), (Map, dict, _dict_writer)):
        inner = within(shape, container)
        if inner is not None:
            hook = writer_of(inner)
            return plain if hook is None else frozen(hook)
    return _READS.get_unstructure_hook(shape) if attrs.has(shape) else None


def _list_writer(hook: Hook) -> Hook:
    return lambda entries: [hook(entry) for entry in entries]


def _dict_writer(hook: Hook) -> Hook:
    return lambda entries: {key: hook(entry) for key, entry in entries.items()}


def _custom_writer(_: Any) -> Hook:
    head = _object_writer(CustomObject)
    return lambda obj: {**head(obj), **thaw(obj.body)}


# ---------------------------------------------------------------- the converter


def _same(shape: Any, other: Any) -> bool:
    return bool(shape == other)


def _is_custom(shape: Any) -> bool:
    return shape is CustomObject


def _converter() -> cattrs.Converter:
    made = cattrs.Converter(detailed_validation=False)
    # Of factories the last one that fits counts.
    made.register_structure_hook_factory(attrs.has, _object_reader)
    made.register_structure_hook_factory(_is_custom, _custom_reader)
    made.register_structure_hook_factory(lambda shape: within(shape, tuple) is not None, _sequence_reader)
    made.register_structure_hook_factory(lambda shape: within(shape, Map) is not None, _mapping_reader)
    plain: dict[Any, Hook] = {
        str: _text,
        bool: _truth,
        float: double,
        Int32: int32,
        Int64: int64,
        IntOrString: _text_or_int32,
        Base64: base64_text,
        Quantity: quantity,
        Time: time,
        MicroTime: micro_time,
        Json: freeze,
    }
    for shape, hook in plain.items():
        made.register_structure_hook_func(partial(_same, shape), hook)
    made.register_unstructure_hook_factory(attrs.has, _object_writer)
    made.register_unstructure_hook_factory(_is_custom, _custom_writer)
    return made


_READS = _converter()
