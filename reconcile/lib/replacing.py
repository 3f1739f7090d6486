"""
replace: another frozen attrs object that differs in some fields; attrs.evolve, but faster.

The constructor of a frozen class goes through object.__setattr__ once for
each field, which is most of what a change of one field costs. A class that
attrs made with slots and without weak references has the same layout as a
class with the same slots that is not frozen: so the copy is made as such a
twin, at the speed of plain assignment, and becomes an instance of the real
class when it is whole. A class of any other make is built by its constructor.
"""

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar, cast

import attrs

T = TypeVar("T")
Copy = Callable[[Any, dict[str, Any]], Any]

_ABSENT = object()
_HOOKS = ("__attrs_post_init__", "__attrs_pre_init__", "__attrs_init__")


def replace(obj: T, **changes: Any) -> T:
    """
    Return *obj* with *changes* made: *obj* itself if each of them is what it has already.

    Args:
        obj: an instance of an attrs class whose fields are all arguments of its constructor.
        changes: new values by field name.

    Raises:
        TypeError: a change names no field, or *obj* is not an attrs instance.
    """
    for name, value in changes.items():
        if getattr(obj, name, _ABSENT) is not value:
            break
    else:
        return obj
    cls: Any = obj.__class__
    copied: T = _copier(cls)(obj, changes)
    return copied


def builder(cls: type[T]) -> Callable[[dict[str, Any]], T]:
    """
    Return what makes an object of an attrs class from its values by field name, faster than the constructor.

    A required field that is missing is a TypeError, and so is an unknown one.
    """
    twin = _twin(cls, whole=False)
    if twin is None:
        return lambda values: cls(**values)

    def build(values: dict[str, Any]) -> T:
        made = twin(**values)
        made.__class__ = cls
        return cast("T", made)

    return build


@cache
def _copier(cls: type) -> Copy:
    if not attrs.has(cls):
        raise TypeError(f"{cls.__name__} is not an attrs class")
    fields = [field for field in attrs.fields(cls) if field.init]
    index = {field.alias: place for place, field in enumerate(fields)}
    twin = _twin(cls, whole=True) if len(fields) > 1 else None
    if twin is None:
        return lambda obj, changes: cls(**{**{field.alias: getattr(obj, field.name) for field in fields}, **changes})
    present = attrgetter(*(field.name for field in fields))

    def copy(obj: Any, changes: dict[str, Any]) -> Any:
        values = list(present(obj))
        for name, value in changes.items():
            place = index.get(name)
            if place is None:
                raise TypeError(f"{cls.__name__} has no field {name}")
            values[place] = value
        made = twin(*values)
        made.__class__ = cls
        return made

    return copy


def _twin(cls: type, *, whole: bool) -> type[Any] | None:
    """
    Return a class like *cls* that is not frozen, or None where its constructor does more than assign.

    A *whole* twin takes every field, by position; any other takes what is present, by name.
    """
    if not attrs.has(cls) or cls.__base__ is not object or "__slots__" not in vars(cls):
        return None
    fields = attrs.fields(cls)
    plain = all(
        field.init and field.alias == field.name and not (field.converter or field.validator) for field in fields
    )
    if not plain or any(hasattr(cls, hook) for hook in _HOOKS) or "__weakref__" in vars(cls)["__slots__"]:
        return None
    made = {field.name: attrs.field(default=attrs.NOTHING if whole else field.default) for field in fields}
    twin = attrs.make_class(
        cls.__name__, made, kw_only=not whole, slots=True, weakref_slot=False, eq=False, order=False, repr=False
    )
    trial: Any = object.__new__(twin)
    try:
        trial.__class__ = cls
    except TypeError:
        return None
    return twin
