"""
quick: the constructor of a frozen attrs class at about half its price.

A frozen class refuses plain assignment, so the constructor that attrs writes calls object.__setattr__ once for each
field. Frozen objects are made hundreds of times for each pod, so that is a tenth of all time. But a class with the same
slots that is not frozen has the same layout: an object may be born as an instance of such a twin, be filled by plain
assignment, and become an instance of its real class before anyone sees it. `quick` writes such a constructor, at the
first use of a class (most of the API's are never used). Its signature, its defaults and what it makes are those of
attrs'. A class of another make (with a validator, a converter, a hook, a dict) keeps attrs' own constructor.
"""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, Final, Generic, TypeVar

import attrs

T = TypeVar("T")

_BECOMES: Final = object.__dict__["__class__"].__set__  # a frozen object refuses the plain assignment
_HOOKS: Final = ("__attrs_post_init__", "__attrs_pre_init__", "__attrs_init__")


def quick(cls: type[T]) -> type[T]:
    """Give *cls*, a frozen attrs class, a constructor that takes the same and costs less."""
    made: Any = vars(cls)["__init__"]

    @wraps(made)
    def first(self: Any, *args: Any, **kwargs: Any) -> None:
        init: Any = _constructor(cls)
        if init is None:
            init = made
        else:
            init.__annotations__ = made.__annotations__
        cls.__init__ = init  # type: ignore[method-assign]
        init(self, *args, **kwargs)

    cls.__init__ = first  # type: ignore[method-assign]
    return cls


@cache
def twin(cls: Any) -> type[Any] | None:
    """Give a class with the layout of *cls* that is not frozen; None where a constructor does more than assign."""
    if not attrs.has(cls) or "__slots__" not in vars(cls) or cls.__base__ not in (object, Generic):
        return None
    fields = attrs.fields(cls)
    plain = all(field.init and not (field.converter or field.validator) for field in fields)
    if not plain or any(hasattr(cls, hook) for hook in _HOOKS):
        return None
    body = {name: vars(cls)[name] for name in ("__slots__", "__orig_bases__") if name in vars(cls)}
    open_: type[Any] = type(cls.__name__, cls.__bases__, body)
    trial: Any = object.__new__(open_)
    try:
        trial.__class__ = cls
    except TypeError:  # a Python that lays objects out in another way
        return None
    return open_


def compiled(name: str, lines: list[str], names: dict[str, Any]) -> Callable[..., Any]:
    """Give the function *name* of these lines of source, which see *names*."""
    exec("\n".join(lines), names)  # noqa: S102 -- the source is made of the fields of our own classes, as attrs' is
    made: Callable[..., Any] = names[name]
    return made


def _constructor(cls: Any) -> Callable[..., None] | None:
    open_ = twin(cls)
    if open_ is None:
        return None
    names: dict[str, Any] = {"_becomes": _BECOMES, "_Open": open_, "_Frozen": cls, "_nothing": attrs.NOTHING}
    positional, keyword, body = ["self"], ["*"], ["    _becomes(self, _Open)"]
    for field in attrs.fields(cls):
        given, default = field.alias, f"_default_{field.name}"
        parameter = given if field.default is attrs.NOTHING else f"{given}={default}"
        (keyword if field.kw_only else positional).append(parameter)
        names[default] = field.default
        if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
            if field.default.takes_self:
                return None
            names[default], names[f"_make_{field.name}"] = attrs.NOTHING, field.default.factory
            given = f"{given} if {given} is not _nothing else _make_{field.name}()"
        body.append(f"    self.{field.name} = {given}")
    parameters = [*positional, *(keyword if len(keyword) > 1 else ())]
    lines = [f"def __init__({', '.join(parameters)}):", *body, "    self.__class__ = _Frozen"]
    init = compiled("__init__", lines, names)
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init
