"""
replace: another frozen attrs object that differs in some fields; attrs.evolve, but faster.

A copy is made as an instance of a class with the same slots that is not frozen,
at the speed of plain assignment, and becomes an instance of the real class when
it is whole (see `quick`). The function that does so is written once for each
class and set of fields that are changed. A class of another make is built by
its constructor.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import attrs

from reconcile.lib.quick import compiled, twin

T = TypeVar("T")

_ABSENT = object()


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
    copied: T = copier(cls, *changes)(obj, *changes.values())
    return copied


@cache
def copier(cls: Any, *changed: str) -> Callable[..., Any]:
    """
    Give what copies an object of *cls*, with new values of the fields *changed*, in that order.

    It is what `replace` calls once it has found that something changes: for where that is known.
    """
    if not attrs.has(cls):
        raise TypeError(f"{cls.__name__} is not an attrs class")
    fields = [field for field in attrs.fields(cls) if field.init]
    known = {field.alias for field in fields}
    for name in changed:
        if name not in known:
            raise TypeError(f"{cls.__name__} has no field {name}")
    values = [field.alias if field.alias in changed else f"obj.{field.name}" for field in fields]
    head = f"def copy({', '.join(['obj', *changed])}):"
    open_ = twin(cls)
    if open_ is None:
        given = [f"{field.alias}={value}" for field, value in zip(fields, values, strict=True)]
        return compiled("copy", [head, f"    return _Frozen({', '.join(given)})"], {"_Frozen": cls})
    filled = [f"    made.{field.name} = {value}" for field, value in zip(fields, values, strict=True)]
    lines = [head, "    made = _Open()", *filled, "    made.__class__ = _Frozen", "    return made"]
    return compiled("copy", lines, {"_Open": open_, "_Frozen": cls})
