"""replace: another frozen attrs object that differs in some fields; attrs.evolve, but faster."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar

import attrs

T = TypeVar("T")

# A cache of what attrs knows about a class anyway: it grows by one entry for
# each class and never changes an answer, so it is no state.
_plans: dict[type, tuple[tuple[str, ...], frozenset[str], Callable[[Any], Any]]] = {}


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
    plan = _plans.get(cls)
    if plan is None:
        plan = _plans[cls] = _plan(cls)
    names, known, present = plan
    if not changes.keys() <= known:
        return cls(**changes)  # a constructor refuses a field that it does not know, and says which
    values = dict(zip(names, present(obj), strict=True))
    values.update(changes)
    return cls(**values)


_ABSENT = object()


def _plan(cls: type) -> tuple[tuple[str, ...], frozenset[str], Callable[[Any], Any]]:
    if not attrs.has(cls):
        raise TypeError(f"{cls.__name__} is not an attrs class")
    fields = [field for field in attrs.fields(cls) if field.init]
    names = tuple(field.alias or field.name for field in fields)
    getter = attrgetter(*(field.name for field in fields)) if fields else None
    if getter is None:
        return names, frozenset(names), _nothing
    if len(fields) == 1:
        one = getter
        return names, frozenset(names), lambda obj: (one(obj),)
    return names, frozenset(names), getter


def _nothing(_: Any) -> tuple[Any, ...]:
    return ()
