"""
Sprig: the functions that templates in Kubernetes' surroundings are written with, as far as they are pure.

Source:   https://masterminds.github.io/sprig/
Left out: dates, files, the environment, the network, cryptography but for sums, URLs, semantic versions; `set` and
          `unset` give a changed mapping, and leave the one that they were given; in words, `plural` alone.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable
from functools import reduce
from hashlib import sha1, sha256
from typing import Any, Final

from reconcile.lib.gotemplate.values import (
    Number,
    TemplateError,
    as_go,
    is_true,
    real,
    shown,
    texts,
    type_name,
    whole,
)

_MOST: Final = 100_000
"""How long a list or a text may become that a number in the template asks for."""

_KINDS: Final = {bool: "bool", int: "int", float: "float64", dict: "map"}


def _bounded(count: int) -> int:
    if count > _MOST:
        raise TemplateError(f"{count:,} is more than {_MOST:,}")
    return max(count, 0)


def _list(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    raise TemplateError(f"a list is needed, not {type_name(value)}")


def _dict(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise TemplateError(f"a mapping is needed, not {type_name(value)}")


# Defaults -------------------------------------------------------------------------------------------------------------


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if is_true(value)), None)


def _fail(message: Any) -> Any:
    raise TemplateError(shown(message))


# Numbers --------------------------------------------------------------------------------------------------------------


def _divided(first: Any, second: Any) -> int:
    one, other = whole(first), whole(second)
    if other == 0:
        raise TemplateError("integer divide by zero")
    quotient = abs(one) // abs(other)
    return quotient if (one < 0) == (other < 0) else -quotient


def _rest(first: Any, second: Any) -> int:
    return whole(first) - whole(second) * _divided(first, second)


def _round(value: Any, places: Any, border: Any = 0.5) -> float:
    scale = 10.0 ** whole(places)
    scaled = real(value) * scale
    down = math.floor(scaled)
    return (down + (scaled - down >= real(border))) / scale


def _until(count: Any) -> list[int]:
    number = whole(count)
    _bounded(abs(number))
    return list(range(number)) if number >= 0 else list(range(0, number, -1))


def _until_step(start: Any, stop: Any, step: Any) -> list[int]:
    by = whole(step)
    if by == 0:
        return []
    _bounded(abs(whole(stop) - whole(start)) // abs(by))
    return list(range(whole(start), whole(stop), by))


def _seq(*given: Any) -> str:
    numbers = [whole(each) for each in given]
    if not numbers:
        return ""
    start, step, stop = (1, 1, numbers[0]) if len(numbers) == 1 else (numbers[0], 1, numbers[-1])
    if len(numbers) > 2:  # noqa: PLR2004 -- start, step, stop
        step = numbers[1]
    elif stop < start:
        step = -1
    if step == 0:
        return ""
    _bounded(abs(stop - start) // abs(step))
    return " ".join(map(str, range(start, stop + (1 if step > 0 else -1), step)))


# Texts ----------------------------------------------------------------------------------------------------------------


def _quoted(*values: Any) -> str:
    return " ".join(json.dumps(each, ensure_ascii=False) for each in texts(values))


def _squoted(*values: Any) -> str:
    return " ".join(f"'{each}'" for each in texts(values))


def _indented(spaces: Any, text: Any) -> str:
    pad = " " * _bounded(whole(spaces))
    return pad + str(text).replace("\n", "\n" + pad)


def _substr(start: Any, end: Any, text: Any) -> str:
    begin, stop, said = whole(start), whole(end), str(text)
    if begin < 0:
        return said[: max(stop, 0)]
    return said[begin:] if stop < 0 or stop > len(said) else said[begin:stop]


def _trunc(count: Any, text: Any) -> str:
    length, said = whole(count), str(text)
    if length < 0:
        return said[length:] if len(said) + length > 0 else said
    return said[:length]


def _abbrev(width: Any, text: Any) -> str:
    most, said = whole(width), str(text)
    return said if most < 4 or len(said) <= most else said[: most - 3] + "..."  # noqa: PLR2004 -- room for the dots


def _snake(text: Any) -> str:
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", str(text))
    return re.sub(r"[-\s]+", "_", re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", apart)).lower()


def _camel(text: Any) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[-_\s]+", str(text)) if part)


def _words(text: Any, change: Callable[[str], str]) -> str:
    return re.sub(r"\S+", lambda match: change(match[0][:1]) + match[0][1:], str(text))


def _split(separator: Any, text: Any) -> dict[str, str]:
    return {f"_{place}": part for place, part in enumerate(str(text).split(str(separator)))}


def _splitn(separator: Any, count: Any, text: Any) -> dict[str, str]:
    parts = str(text).split(str(separator), max(whole(count) - 1, 0)) if whole(count) > 0 else []
    return {f"_{place}": part for place, part in enumerate(parts)}


def _joined(separator: Any, values: Any) -> str:
    return str(separator).join(texts(values if isinstance(values, (list, tuple)) else [values]))


def _pattern(text: Any) -> re.Pattern[str]:
    try:
        return re.compile(str(text))
    except re.error as error:
        raise TemplateError(f"error parsing regexp: {error}: `{text}`") from None


def _first_match(pattern: Any, text: Any) -> str:
    match = _pattern(pattern).search(str(text))
    return match[0] if match else ""


def _decoded(text: Any, decode: Callable[[str], bytes]) -> str:
    try:
        return decode(str(text)).decode()
    except ValueError as error:
        return str(error)


# Lists and mappings ---------------------------------------------------------------------------------------------------


def _made(*pairs: Any) -> dict[str, Any]:
    padded = [*pairs, ""] if len(pairs) % 2 else pairs
    return {shown(key): value for key, value in zip(padded[::2], padded[1::2], strict=True)}


def _dug(*given: Any) -> Any:
    if len(given) < 3:  # noqa: PLR2004 -- a key, what else, a mapping
        raise TemplateError("dig needs at least three arguments")
    *keys, default, value = given
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return default
        value = value[key]
    return value


def _merged(first: Any, *others: Any) -> dict[str, Any]:
    found = dict(_dict(first))
    for other in others:
        for key, value in _dict(other).items():
            known = found.get(key)
            if isinstance(known, dict) and isinstance(value, dict):
                found[key] = _merged(known, value)
            elif not is_true(known):
                found[key] = value
    return found


def _overwritten(first: Any, *others: Any) -> dict[str, Any]:
    return reduce(lambda found, other: _merged(other, found), map(_dict, others), dict(_dict(first)))


def _distinct(values: Any) -> list[Any]:
    found: list[Any] = []
    for value in _list(values):
        if value not in found:
            found.append(value)
    return found


def _ordered(values: Any) -> list[str]:
    return sorted(texts(values if isinstance(values, (list, tuple)) else [values]))


def _nested(values: Any) -> Any:
    if isinstance(values, Number):
        return float(values) if re.search("[.eE]", values) else int(values)
    if isinstance(values, dict):
        return {key: _nested(value) for key, value in values.items()}
    return [_nested(value) for value in values] if isinstance(values, (list, tuple)) else values


def as_json(value: Any, indent: int | None = None) -> str:
    """Write a value as JSON, its keys sorted."""
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(_nested(value), ensure_ascii=False, sort_keys=True, indent=indent, separators=separators)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _from_json(text: Any) -> Any:
    try:
        return as_go(json.loads(str(text)))
    except ValueError:
        return None


def kind_name(value: Any) -> str:
    """Name a value's kind, as Go's reflection does."""
    if value is None:
        return "invalid"
    return "string" if isinstance(value, str) else _KINDS.get(value.__class__, "slice")


SPRIG: Final[dict[str, Callable[..., Any]]] = {
    # defaults
    "default": lambda default, value=None: value if is_true(value) else default,
    "empty": lambda value=None: not is_true(value),
    "coalesce": _coalesce,
    "all": lambda *values: all(map(is_true, values)),
    "any": lambda *values: any(map(is_true, values)),
    "ternary": lambda then, otherwise, choice: then if choice else otherwise,
    "fail": _fail,
    # numbers
    "add": lambda *values: sum(map(whole, values)),
    "add1": lambda value: whole(value) + 1,
    "sub": lambda first, second: whole(first) - whole(second),
    "mul": lambda *values: math.prod(map(whole, values)),
    "div": _divided,
    "mod": _rest,
    "max": lambda *values: max(map(whole, values)),
    "biggest": lambda *values: max(map(whole, values)),
    "min": lambda *values: min(map(whole, values)),
    "addf": lambda *values: math.fsum(map(real, values)),
    "subf": lambda first, *others: real(first) - math.fsum(map(real, others)),
    "mulf": lambda *values: math.prod(map(real, values)),
    "divf": lambda first, *others: reduce(lambda found, other: found / real(other), others, real(first)),
    "maxf": lambda *values: max(map(real, values)),
    "minf": lambda *values: min(map(real, values)),
    "ceil": lambda value: float(math.ceil(real(value))),
    "floor": lambda value: float(math.floor(real(value))),
    "round": _round,
    "int": whole,
    "int64": whole,
    "float64": real,
    "atoi": lambda text: int(text) if re.fullmatch("[-+]?[0-9]+", str(text)) else 0,
    "toDecimal": lambda text: int(str(text), 8) if re.fullmatch("[0-7]+", str(text)) else 0,
    "until": _until,
    "untilStep": _until_step,
    "seq": _seq,
    # texts
    "toString": lambda value: shown(value, "<nil>"),
    "toStrings": lambda values: texts(_list(values)),
    "quote": _quoted,
    "squote": _squoted,
    "trim": lambda text: str(text).strip(" \t\r\n\v\f"),
    "trimAll": lambda cut, text: str(text).strip(str(cut)),
    "trimall": lambda cut, text: str(text).strip(str(cut)),
    "trimSuffix": lambda end, text: str(text).removesuffix(str(end)),
    "trimPrefix": lambda start, text: str(text).removeprefix(str(start)),
    "upper": lambda text: str(text).upper(),
    "lower": lambda text: str(text).lower(),
    "title": lambda text: _words(text, str.upper),
    "untitle": lambda text: _words(text, str.lower),
    "repeat": lambda count, text: str(text) * _bounded(whole(count)),
    "substr": _substr,
    "nospace": lambda text: re.sub(r"\s", "", str(text)),
    "trunc": _trunc,
    "abbrev": _abbrev,
    "initials": lambda text: "".join(part[0] for part in str(text).split()),
    "contains": lambda part, text: str(part) in str(text),
    "hasPrefix": lambda start, text: str(text).startswith(str(start)),
    "hasSuffix": lambda end, text: str(text).endswith(str(end)),
    "cat": lambda *values: " ".join(texts(values)),
    "indent": _indented,
    "nindent": lambda spaces, text: "\n" + _indented(spaces, text),
    "replace": lambda old, new, text: str(text).replace(str(old), str(new)),
    "plural": lambda one, many, count: one if whole(count) == 1 else many,
    "snakecase": _snake,
    "kebabcase": lambda text: _snake(text).replace("_", "-"),
    "camelcase": _camel,
    "split": _split,
    "splitn": _splitn,
    "splitList": lambda separator, text: str(text).split(str(separator)),
    "join": _joined,
    "sortAlpha": _ordered,
    "regexMatch": lambda pattern, text: _pattern(pattern).search(str(text)) is not None,
    "regexFind": _first_match,
    "regexReplaceAllLiteral": lambda pattern, text, new: _pattern(pattern).sub(lambda _: str(new), str(text)),
    "b64enc": lambda text: base64.b64encode(str(text).encode()).decode(),
    "b64dec": lambda text: _decoded(text, lambda said: base64.b64decode(said, validate=True)),
    "sha1sum": lambda text: sha1(str(text).encode(), usedforsecurity=False).hexdigest(),
    "sha256sum": lambda text: sha256(str(text).encode()).hexdigest(),
    # lists
    "list": lambda *values: list(values),
    "tuple": lambda *values: list(values),
    "first": lambda values: (_list(values) or [None])[0],
    "last": lambda values: (_list(values) or [None])[-1],
    "rest": lambda values: _list(values)[1:],
    "initial": lambda values: _list(values)[:-1],
    "append": lambda values, value: [*_list(values), value],
    "push": lambda values, value: [*_list(values), value],
    "prepend": lambda values, value: [value, *_list(values)],
    "concat": lambda *lists: [value for each in lists for value in _list(each)],
    "reverse": lambda values: _list(values)[::-1],
    "uniq": _distinct,
    "without": lambda values, *others: [value for value in _list(values) if value not in others],
    "has": lambda value, values: values is not None and value in _list(values),
    "compact": lambda values: [value for value in _list(values) if is_true(value)],
    # mappings
    "dict": _made,
    "get": lambda mapping, key: _dict(mapping).get(key, ""),
    "set": lambda mapping, key, value: {**_dict(mapping), key: value},
    "unset": lambda mapping, key: {each: value for each, value in _dict(mapping).items() if each != key},
    "hasKey": lambda mapping, key: key in _dict(mapping),
    "keys": lambda *mappings: [key for each in mappings for key in sorted(_dict(each))],
    "values": lambda mapping: [mapping[key] for key in sorted(_dict(mapping))],
    "pluck": lambda key, *mappings: [each[key] for each in mappings if key in _dict(each)],
    "pick": lambda mapping, *keys: {key: mapping[key] for key in keys if key in _dict(mapping)},
    "omit": lambda mapping, *keys: {key: value for key, value in _dict(mapping).items() if key not in keys},
    "dig": _dug,
    "merge": _merged,
    "mustMerge": _merged,
    "mergeOverwrite": _overwritten,
    "deepCopy": lambda value: value,
    # what values are
    "kindOf": kind_name,
    "kindIs": lambda kind, value: kind_name(value) == kind,
    "typeOf": type_name,
    "typeIs": lambda name, value: type_name(value) == name,
    "deepEqual": lambda first, second: bool(first == second),
    "toJson": as_json,
    "toPrettyJson": lambda value: as_json(value, 2),
    "toRawJson": lambda value: json.dumps(_nested(value), ensure_ascii=False, sort_keys=True, separators=(",", ":")),
    "fromJson": _from_json,
}
"""By name."""
