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
        made(self, *args, **kwargs)
        _install(cls, made)

    cls.__init__ = first  # type: ignore[method-assign]
    if _is_positional(cls):
        cls.__getnewargs__ = _values  # type: ignore[attr-defined]
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


def _install(cls: Any, made: Any) -> None:
    """Let *cls* be made by a constructor of ours, or by attrs' for good."""
    written = _constructor(cls)
    if written is None:
        cls.__init__ = made
        return
    written.__annotations__ = made.__annotations__
    if _is_positional(cls):
        cls.__new__ = written
        del cls.__init__
    else:
        cls.__init__ = written


def _is_positional(cls: Any) -> bool:
    return not any(field.kw_only for field in attrs.fields(cls))


def _values(self: Any) -> tuple[Any, ...]:
    """Give what a class's constructor is given, in order: for pickle, which makes an object before it fills it."""
    return tuple([getattr(self, field.name) for field in attrs.fields(type(self))])


def _constructor(cls: Any) -> Callable[..., Any] | None:
    """
    Write the constructor of *cls*; None where it does more than assign.

    It is a `__new__`, whose object is born open: that takes one change of class instead of two. But names of arguments
    cost a `__new__` more than an `__init__`: a class that takes its fields by name only has the latter.
    """
    open_ = twin(cls)
    if open_ is None:
        return None
    names: dict[str, Any] = {"_becomes": _BECOMES, "_Open": open_, "_Frozen": cls, "_nothing": attrs.NOTHING}
    positional: list[str] = []
    keyword, body = ["*"], []
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
    body.append("    self.__class__ = _Frozen")
    parameters = ", ".join([*positional, *(keyword if len(keyword) > 1 else ())])
    if _is_positional(cls):
        lines = [f"def __new__(_cls, {parameters}):", "    self = _Open()", *body, "    return self"]
    else:
        lines = [f"def __init__(self, {parameters}):", "    _becomes(self, _Open)", *body]
    written = compiled(lines[0][4:].partition("(")[0], lines, names)
    written.__qualname__ = f"{cls.__qualname__}.{written.__name__}"
    return written
