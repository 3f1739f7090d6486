"""
replace: another frozen attrs object that differs in some fields; attrs.evolve, but faster.

The constructor of a frozen class goes through object.__setattr__ once for
each field, which is most of what a change of one field costs. A class that
attrs made with slots and without weak references has the same layout as a
plain class with the same slots: so the copy is filled in as such a twin, at
the speed of plain assignment, and becomes an instance of the real class when
it is whole. A class of any other make is built by its constructor.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import attrs

T = TypeVar("T")
Copy = Callable[[Any, dict[str, Any]], Any]

_ABSENT = object()
# What is known about a class does not change: the tables below grow by one
# entry for each class and never change an answer, so they are no state.
_copies: dict[type, tuple[Copy, frozenset[str]]] = {}


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
    cls = obj.__class__
    copy, known = _copies.get(cls) or _copies.setdefault(cls, _copier(cls))
    if not changes.keys() <= known:
        unknown = sorted(changes.keys() - known)
        raise TypeError(f"{cls.__name__} has no field {', '.join(unknown)}")
    copied: T = copy(obj, changes)
    return copied


def builder(cls: type[T]) -> Callable[[dict[str, Any]], T]:
    """
    Return what makes an object of an attrs class from its values by field name, faster than the constructor.

    What it gets must be right: a required field that is missing is a
    TypeError, and so is an unknown one, but nothing else is looked at.
    """
    fields = attrs.fields(cast("Any", cls))
    twin = _twin(cls)
    if twin is None or any(isinstance(field.default, attrs.Factory) for field in fields):  # type: ignore[arg-type]
        return lambda values: cls(**values)
    required = frozenset(field.name for field in fields if field.default is attrs.NOTHING)
    defaults = {field.name: field.default for field in fields}
    known = frozenset(defaults)
    body = "".join(f" new.{name} = defaults_{name}\n" for name in defaults if name not in required)
    fill = _compiled(
        f"def made(values):\n new = make(twin)\n{body}"
        " for name, value in values.items():\n  setattr(new, name, value)\n new.__class__ = cls\n return new\n",
        {"cls": cls, "twin": twin, **{f"defaults_{name}": value for name, value in defaults.items()}},
    )

    def build(values: dict[str, Any]) -> T:
        if not required <= values.keys() <= known:
            return cls(**values)  # the constructor says what is wrong
        made: T = fill(values)
        return made

    return build


def _copier(cls: type) -> tuple[Copy, frozenset[str]]:
    if not attrs.has(cls):
        raise TypeError(f"{cls.__name__} is not an attrs class")
    fields = [field for field in attrs.fields(cls) if field.init]
    known = frozenset(field.alias for field in fields)
    twin = _twin(cls)
    if twin is None:
        arguments = ", ".join(f"{field.alias}=obj.{field.name}" for field in fields)
        return _compiled(
            f"def made(obj, changes):\n return cls(**{{**dict({arguments}), **changes}})\n", {"cls": cls}
        ), known
    body = "".join(f" new.{field.name} = obj.{field.name}\n" for field in fields)
    return _compiled(
        f"def made(obj, changes):\n new = make(twin)\n{body}"
        " for name, value in changes.items():\n  setattr(new, name, value)\n new.__class__ = cls\n return new\n",
        {"cls": cls, "twin": twin},
    ), known


def _twin(cls: type) -> type | None:
    """Return a plain class with the layout of *cls*, or None where its constructor does more than assign."""
    if not attrs.has(cls) or cls.__base__ is not object or "__slots__" not in vars(cls):
        return None
    fields = attrs.fields(cls)
    plain = all(
        field.init and field.alias == field.name and not (field.converter or field.validator) for field in fields
    )
    hooks = ("__attrs_post_init__", "__attrs_pre_init__", "__attrs_init__")
    if not plain or any(hasattr(cls, hook) for hook in hooks) or "__weakref__" in vars(cls)["__slots__"]:
        return None
    twin = type(cls.__name__, (), {"__slots__": vars(cls)["__slots__"]})
    trial = twin()
    try:
        trial.__class__ = cls
    except TypeError:
        return None
    return twin


def _compiled(source: str, names: Mapping[str, Any]) -> Callable[..., Any]:
    space: dict[str, Any] = {"make": object.__new__, **names}
    exec(source, space)  # noqa: S102 -- the text is made of the names of fields only, as attrs itself does it
    made: Callable[..., Any] = space["made"]
    return made
