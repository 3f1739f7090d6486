"""
Builtins: the functions that every template has.

Source:   https://pkg.go.dev/text/template#hdr-Functions; fmt for printf.
Left out: call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import escape
from typing import Any, Final

from reconcile.lib.gotemplate.values import TemplateError, equal, float_text, is_true, less, shown, type_name

_VERB: Final = re.compile(r"%(?P<flags>[-+# 0]*)(?P<width>[0-9]+)?(?:\.(?P<places>[0-9]*))?(?P<verb>[a-zA-Z%])")
_PLAIN: Final = re.compile("[A-Za-z0-9_.~-]")
_WIDEST: Final = 10_000
_INTEGERS: Final = {"d": "d", "x": "x", "X": "X", "o": "o", "b": "b"}
_JS: Final = {
    "\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D",
}  # fmt: skip


def _eq(first: Any, *others: Any) -> bool:
    if not others:
        raise TemplateError("missing argument for comparison")
    return any(equal(first, other) for other in others)


def _ne(first: Any, second: Any) -> bool:
    return not equal(first, second)


def _le(first: Any, second: Any) -> bool:
    return less(first, second) or equal(first, second)


def _length(value: Any) -> int:
    if isinstance(value, (str, list, tuple, dict)):
        return len(value.encode()) if isinstance(value, str) else len(value)
    raise TemplateError(f"len of type {type_name(value)}" if value is not None else "len of nil pointer")


def _index(value: Any, *places: Any) -> Any:
    if value is None:
        raise TemplateError("index of untyped nil")
    for place in places:
        if value is None:
            raise TemplateError("index of nil pointer")
        if isinstance(value, dict):
            if not isinstance(place, str):
                raise TemplateError(f"value has type {type_name(place)}; should be string")
            value = value.get(place)
        elif isinstance(value, (list, tuple, str)):
            value = _entry(value, place)
        else:
            raise TemplateError(f"can't index item of type {type_name(value)}")
    return value


def _entry(value: Any, place: Any) -> Any:
    if isinstance(place, bool) or not isinstance(place, int):
        raise TemplateError(f"cannot index slice/array with type {type_name(place)}")
    if not 0 <= place < len(value):
        raise TemplateError(f"index out of range: {place}")
    return value.encode()[place] if isinstance(value, str) else value[place]


def _slice(value: Any, *places: Any) -> Any:
    if not isinstance(value, (list, tuple, str)):
        raise TemplateError(f"can't slice item of type {type_name(value)}")
    begin, end = places[0] if places else 0, places[1] if len(places) > 1 else len(value)
    if any(isinstance(each, bool) or not isinstance(each, int) for each in (begin, end)):
        raise TemplateError("cannot slice with what is no integer")
    if not 0 <= begin <= end <= len(value):
        raise TemplateError(f"index out of range: {end}")
    return value[begin:end]


def _print(*values: Any) -> str:
    text = ""
    for place, value in enumerate(values):
        between = place and not isinstance(value, str) and not isinstance(values[place - 1], str)
        text += (" " if between else "") + shown(value, "<nil>")
    return text


def _println(*values: Any) -> str:
    return " ".join(shown(value, "<nil>") for value in values) + "\n"


def _printf(form: Any, *values: Any) -> str:
    rest = list(values)
    text = _VERB.sub(lambda match: _formatted(match, rest), str(form))
    if rest:
        extra = [f"{type_name(each)}={shown(each, '<nil>')}" for each in rest]
        text += f"%!(EXTRA {', '.join(extra)})"
    return text


def _formatted(match: re.Match[str], rest: list[Any]) -> str:
    verb, flags = match["verb"], match["flags"]
    if verb == "%":
        return "%"
    if not rest:
        return f"%!{verb}(MISSING)"
    value = rest.pop(0)
    width = int(match["width"] or 0)
    if width > _WIDEST:
        raise TemplateError(f"printf: a width of {width} is too much")
    text = _by_verb(verb, value, match["places"], plus="+" in flags)
    fill = "0" if "0" in flags and "-" not in flags and verb in "dxXobfeg" else " "
    if fill == "0" and text[:1] in ("-", "+"):
        return text[0] + text[1:].rjust(width - 1, "0")
    return text.ljust(width) if "-" in flags else text.rjust(width, fill)


def _by_verb(verb: str, value: Any, places: str | None, *, plus: bool) -> str:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    sign = "+" if plus else ""
    if verb == "v":
        return shown(value, "<nil>")
    if verb == "s" and isinstance(value, (str, list, dict)):
        text = shown(value)
        return text if places is None else text[: int(places or 0)]
    if verb == "q" and isinstance(value, str):
        return json.dumps(str(value), ensure_ascii=False)
    if verb == "T":
        return type_name(value)
    if verb == "t" and isinstance(value, bool):
        return shown(value)
    if verb == "c" and is_whole:
        return chr(value)
    if verb in _INTEGERS and is_whole:
        return format(value, sign + _INTEGERS[verb])
    if verb in "xX" and isinstance(value, str):
        return format(value.encode().hex(), "s") if verb == "x" else value.encode().hex().upper()
    if verb in "feEgG" and isinstance(value, float):
        return float_text(value) if verb == "g" and places is None else format(value, f"{sign}.{places or 6}{verb}")
    return f"%!{verb}({type_name(value)}={shown(value, '<nil>')})"


def _js(*values: Any) -> str:
    text = _print(*values)
    return "".join(_JS.get(each) or (each if each >= " " else f"\\u{ord(each):04X}") for each in text)


def _urlquery(*values: Any) -> str:
    said = map(chr, _print(*values).encode())
    return "".join("+" if each == " " else each if _PLAIN.match(each) else f"%{ord(each):02X}" for each in said)


BUILTINS: Final[dict[str, Callable[..., Any]]] = {
    "eq": _eq,
    "ne": _ne,
    "lt": less,
    "le": _le,
    "gt": lambda first, second: not _le(first, second),
    "ge": lambda first, second: not less(first, second),
    "not": lambda value: not is_true(value),
    "len": _length,
    "index": _index,
    "slice": _slice,
    "print": _print,
    "println": _println,
    "printf": _printf,
    "html": lambda *values: escape(_print(*values)).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
    "urlquery": _urlquery,
    "js": _js,
}
"""By name; beside them there are `and` and `or`, which look at no more of their arguments than they need."""
