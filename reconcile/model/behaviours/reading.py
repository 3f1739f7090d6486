"""Behaviours as they are written: clauses with commas between them, or a mapping that says the same."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

from reconcile.api.quantity import Quantity
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import parse_duration
from reconcile.lib.mapping import Map
from reconcile.model.behaviours import series
from reconcile.model.behaviours.behaviour import KILLED, Behaviour, Cause, Ending, Fill, Hazard, Line, Reply, Span, Work
from reconcile.model.behaviours.curves import Amount, parse_amount
from reconcile.model.text import names


def parse_behaviour(written: Any, path: str = "behaviour") -> Behaviour:
    """
    Read one behaviour, in either form; what it does not say is as in `Behaviour()`.

    Raises:
        ReconcileError: it cannot be understood; *path* and the value are shown.
    """
    if isinstance(written, str):
        behaviour = _from_text(written, path)
    elif isinstance(written, Mapping):
        behaviour = _from_mapping(written, path)
    else:
        raise ReconcileError(f"{path}: must be text or a mapping, not {written!r}")
    of = math.lcm(*[ending.of for ending in behaviour.endings])
    if sum(ending.parts * (of // ending.of) for ending in behaviour.endings) > of:
        raise ReconcileError(f"{path}: the probabilities of its ends add up to more than 1: {written!r}")
    if behaviour.runs and sum(ending.parts * (of // ending.of) for ending in behaviour.endings) == of:
        raise ReconcileError(f"{path}: says that it runs on, and how it ends for certain: {written!r}")
    return behaviour


# Texts ----------------------------------------------------------------------------------------------------------------

_CLAUSE: Final = re.compile(r'(?:[^",{]|"(?:[^"\\]|\\.)*"|\{[^{}"]*\}|\{)+')
_SPAN: Final = r"(?P<{}>[0-9][0-9a-zµ.]*)"
_QUOTED: Final = r'"(?P<line>(?:[^"\\]|\\.)*)"'
_CHANCE: Final = r"(?: with probability (?P<probability>\S+))?"
_FORMS: Final = (
    ("default", re.compile("default")),
    ("pull", re.compile("pull " + _SPAN.format("span"))),
    ("again", re.compile("again " + _SPAN.format("span"))),
    ("size", re.compile(r"size (?P<quantity>\S+)")),
    ("absent", re.compile("absent")),
    ("preloaded", re.compile("preloaded")),
    ("start_fails", re.compile("start fails")),
    ("start", re.compile("start " + _SPAN.format("span"))),
    ("ready_after", re.compile("ready after " + _SPAN.format("span"))),
    ("readiness_fails_after", re.compile("readiness fails after " + _SPAN.format("span"))),
    ("liveness_fails_after", re.compile("liveness fails after " + _SPAN.format("span"))),
    ("exit", re.compile("exit (?P<code>[0-9]+) after " + _SPAN.format("span") + _CHANCE)),
    ("hazards", re.compile(r"exit (?P<code>[0-9]+) with probability (?P<probability>\S+) a day")),
    (
        "causes",
        re.compile(r"exit (?P<code>[0-9]+) (?:without (?P<service>[a-z0-9./-]+)|when (?:disk|(?P<full>/\S*)) is full)"),
    ),
    ("oom", re.compile("oom after " + _SPAN.format("span") + _CHANCE)),
    ("runs", re.compile("runs")),
    ("component", re.compile(r"component (?P<component>\S+)")),
    ("stop", re.compile("stop " + _SPAN.format("span") + "(?: with code (?P<code>[0-9]+))?")),
    ("ignores_sigterm", re.compile("ignores SIGTERM")),
    ("cpu", re.compile("cpu (?P<amount>.+)")),
    ("memory", re.compile("memory (?P<amount>.+)")),
    ("metric", re.compile(r"metric (?P<metric>[a-z][a-z0-9_]*(?:\{[^{}]*\})?) (?P<amount>.+)")),
    ("needs", re.compile(r"needs (?P<service>[a-z0-9./-]+)")),
    ("disk", re.compile("disk (?P<amount>.+)")),
    ("work", re.compile(r"works (?P<how>off|one of) (?P<queue>\S+) each " + _SPAN.format("span"))),
    ("fills", re.compile(r"writes (?P<amount>.+) to (?P<path>/\S*)")),
    ("message", re.compile("message " + _QUOTED)),
    (
        "answers",
        re.compile(
            "answers "
            + _QUOTED
            + f"(?: ready after {_SPAN.format('ready')})?(?P<fails> fails(?: after {_SPAN.format('failing')})?)?"
            + f"(?: takes {_SPAN.format('takes')})?"
        ),
    ),
    (
        "logs",
        re.compile(
            f"logs {_QUOTED}(?:(?P<served> per request)"
            f"|(?: after {_SPAN.format('after')})?(?: every {_SPAN.format('every')})?)"
        ),
    ),
)
_FLAGS: Final = ("absent", "preloaded", "start_fails", "runs", "ignores_sigterm")
_AMOUNTS: Final = ("cpu", "memory", "disk")
_SIZES: Final = ("size",)
_SPANS: Final = ("pull", "again", "start", "ready_after", "readiness_fails_after", "liveness_fails_after")


@lru_cache(maxsize=256)
def _from_text(text: str, path: str) -> Behaviour:
    parts: dict[str, Any] = {}
    endings: list[Ending] = []
    metrics: dict[str, Amount] = {}
    repeated: dict[str, list[Any]] = {"logs": [], "answers": [], "needs": [], "hazards": [], "causes": [], "fills": []}
    pieces = _CLAUSE.findall(text)
    if not pieces:
        raise ReconcileError(f"{path}: {text!r} says nothing; write 'default' for what is so anyway")
    if ",".join(pieces) != text:
        raise ReconcileError(f"{path}: {text!r} has an empty clause or a quotation mark without its pair")
    for piece in pieces:
        clause = piece.strip()
        name, match = _matched(clause, path)
        if name in parts:
            raise ReconcileError(f"{path}: {clause!r} says again what was said before, in {text!r}")
        place = f"{path}: {clause!r}"
        if name == "default" or name in _FLAGS:
            parts[name] = True
        elif name in _SPANS:
            parts[name] = span_at(match["span"], place)
        elif name in _SIZES:
            parts[name] = size_at(match["quantity"], place)
        elif name == "stop":
            parts |= {"stop": span_at(match["span"], place), "stop_code": _code(match["code"] or 0, place)}
        elif name in {"exit", "oom"}:
            code = KILLED if name == "oom" else _code(match["code"], place)
            endings.append(_ending(code, match["span"], match["probability"], place, oom=name == "oom"))
        elif name in _AMOUNTS:
            parts[name] = parse_amount(match["amount"], place)
        elif name == "metric":
            metric = series.canonical(match["metric"], place)
            if metric in metrics:
                raise ReconcileError(f"{place} says again what was said before, in {text!r}")
            metrics[metric] = parse_amount(match["amount"], place)
        elif name in {"message", "component", "work"}:
            parts[name] = _once(name, match, place)
        elif name in repeated:
            repeated[name].append(_one_of(name, match, place))
    parts.pop("default", None)
    return Behaviour(
        **parts,
        endings=tuple(endings),
        **_written(repeated["logs"]),
        replies=tuple(repeated["answers"]),
        metrics=Map(metrics),
        needs=tuple(repeated["needs"]),
        hazards=tuple(repeated["hazards"]),
        causes=tuple(repeated["causes"]),
        fills=tuple(repeated["fills"]),
    )


def _once(name: str, match: re.Match[str], place: str) -> Any:
    """Read a clause that is said once."""
    if name == "work":
        return _work(match["queue"], match["span"], place, one=match["how"] == "one of")
    return _unquoted(match["line"]) if name == "message" else name_at(match["component"], place)


def _one_of(name: str, match: re.Match[str], place: str) -> Any:
    """Read a clause that may be said again and again."""
    if name == "needs":
        return service_at(match["service"], place)
    if name == "answers":
        return _replied(match, place)
    if name == "hazards":
        return _hazard(match["code"], match["probability"], place)
    if name == "causes":
        without = service_at(match["service"], place) if match["service"] else ""
        return Cause(code=_code(match["code"], place), without=without, full=_path(match["full"] or "", place))
    if name == "fills":
        return Fill(path=_path(match["path"], place), amount=parse_amount(match["amount"], place))
    if match["served"]:
        return Line(text=_unquoted(match["line"]), served=True)
    return _line(_unquoted(match["line"]), match["after"], match["every"], place)


def _line(text: str, after: Any, every: Any, path: str) -> str | Line:
    """Read a line of the log: plain text if it is written at the start."""
    if after is None and every is None:
        return text
    spans = [span_at(each if each is not None else "0s", path) for each in (after, every)]
    if any(span.low != span.high for span in spans):
        raise ReconcileError(f"{path}: a line is written after a duration, not within a range")
    if every is not None and not spans[1].low:
        raise ReconcileError(f"{path}: a line cannot come again every 0s")
    return Line(text=text, after=spans[0].low if after is not None else spans[1].low, every=spans[1].low)


def _written(lines: list[Any]) -> dict[str, Any]:
    return {
        "logs": tuple([line for line in lines if isinstance(line, str)]),
        "writes": tuple([line for line in lines if isinstance(line, Line)]),
    }


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _replied(match: re.Match[str], place: str) -> Reply:
    never = None if match["fails"] is None else span_at(match["failing"] or "0s", place)
    return Reply(
        to=_unquoted(match["line"]),
        ready_after=span_at(match["ready"] or "0s", place),
        fails_after=never,
        takes=span_at(match["takes"] or "0s", place),
    )


def _matched(clause: str, path: str) -> tuple[str, re.Match[str]]:
    for name, form in _FORMS:
        match = form.fullmatch(clause)
        if match is not None:
            return name, match
    raise ReconcileError(f"{path}: {clause!r} is no clause such as 'pull 2s', 'exit 1 after 30s' or 'ready after 3s'")


# Mappings -------------------------------------------------------------------------------------------------------------

_KEYS: Final = {
    "pull": "pull",
    "again": "again",
    "start": "start",
    "readyAfter": "ready_after",
    "readinessFailsAfter": "readiness_fails_after",
    "livenessFailsAfter": "liveness_fails_after",
    "absent": "absent",
    "preloaded": "preloaded",
    "startFails": "start_fails",
    "runs": "runs",
    "ignoresSigterm": "ignores_sigterm",
}


_OTHERS: Final = ("exits", "stop", "logs", "metrics", "needs", "message", "answers", "component", "writes", "work")


def _from_mapping(written: Mapping[str, Any], path: str) -> Behaviour:
    only(
        written,
        (*_KEYS, *_AMOUNTS, *_SIZES, *_OTHERS),
        path,
    )
    parts: dict[str, Any] = {}
    for key, field in _KEYS.items():
        if key in written:
            value, where = written[key], f"{path}.{key}"
            parts[field] = _flag(value, where) if field in _FLAGS else span_at(value, where)
    for key in _SIZES:
        if key in written:
            parts[key] = size_at(written[key], f"{path}.{key}")
    for key, read in (("message", text_at), ("component", name_at), ("work", _worked)):
        if key in written:
            parts[key] = read(written[key], f"{path}.{key}")
    if "answers" in written:
        rows = rows_at(written["answers"], f"{path}.answers")
        parts["replies"] = tuple([_reply(row, f"{path}.answers[{place}]") for place, row in enumerate(rows)])
    parts |= {key: amount_at(written[key], f"{path}.{key}") for key in _AMOUNTS if key in written}
    if "metrics" in written:
        parts["metrics"] = _metrics(written["metrics"], f"{path}.metrics")
    if "needs" in written:
        rows = rows_at(written["needs"], f"{path}.needs")
        parts["needs"] = tuple([service_at(row, f"{path}.needs[{place}]") for place, row in enumerate(rows)])
    if "writes" in written:
        rows = rows_at(written["writes"], f"{path}.writes")
        parts["fills"] = tuple([_fill(row, f"{path}.writes[{place}]") for place, row in enumerate(rows)])
    if "stop" in written:
        parts |= _stop(written["stop"], f"{path}.stop")
    if "exits" in written:
        rows = rows_at(written["exits"], f"{path}.exits")
        ends = [_exit(row, f"{path}.exits[{place}]") for place, row in enumerate(rows)]
        for field, kind in (("endings", Ending), ("hazards", Hazard), ("causes", Cause)):
            parts[field] = tuple([each for each in ends if isinstance(each, kind)])
    if "logs" in written:
        rows = rows_at(written["logs"], f"{path}.logs")
        parts |= _written([_logged(line, f"{path}.logs[{place}]") for place, line in enumerate(rows)])
    return Behaviour(**parts)


def _metrics(written: Any, path: str) -> Map[Amount]:
    if not isinstance(written, Mapping):
        raise ReconcileError(f"{path}: must map metrics to amounts, not be {written!r}")
    return Map(
        {
            series.canonical(str(name), f"{path}.{name}"): amount_at(value, f"{path}.{name}")
            for name, value in written.items()
        }
    )


def _logged(row: Any, path: str) -> str | Line:
    if not isinstance(row, Mapping):
        return text_at(row, path)
    only(row, ("line", "after", "every", "perRequest"), path)
    if "line" not in row:
        raise ReconcileError(f"{path}: needs 'line': {row!r}")
    if "perRequest" in row:
        if not _flag(row["perRequest"], f"{path}.perRequest") or len(row) > len(("line", "perRequest")):
            raise ReconcileError(f"{path}: 'perRequest' is true, and goes with 'line' alone: {row!r}")
        return Line(text=text_at(row["line"], f"{path}.line"), served=True)
    return _line(text_at(row["line"], f"{path}.line"), row.get("after"), row.get("every"), path)


def _exit(row: Any, path: str) -> Ending | Hazard | Cause:
    only(row, ("code", "oom", "after", "probability", "dailyProbability", "without", "diskFull", "full"), path)
    others = [key for key in ("dailyProbability", "without", "diskFull", "full") if key in row]
    if others:
        if sorted(row) != sorted(["code", others[0]]):
            raise ReconcileError(f"{path}: {others[0]!r} goes with 'code' alone: {row!r}")
        code = _code(row["code"], f"{path}.code")
        if others[0] == "dailyProbability":
            return _hazard(code, row["dailyProbability"], f"{path}.dailyProbability")
        if others[0] == "without":
            return Cause(code=code, without=service_at(row["without"], f"{path}.without"))
        if others[0] == "full":
            return Cause(code=code, full=_path(row["full"], f"{path}.full"))
        if not _flag(row["diskFull"], f"{path}.diskFull"):
            raise ReconcileError(f"{path}.diskFull: must be true, or not be there: {row!r}")
        return Cause(code=code)
    oom = _flag(row.get("oom", False), f"{path}.oom")
    if "after" not in row or ("code" in row) == oom:
        raise ReconcileError(f"{path}: needs 'after', and either 'code' or 'oom: true': {row!r}")
    code = KILLED if oom else _code(row["code"], f"{path}.code")
    return _ending(code, row["after"], row.get("probability"), path, oom=oom)


def _hazard(code: Any, probability: Any, path: str) -> Hazard:
    parts, of = fraction(probability, path)
    return Hazard(code=_code(code, path), parts=parts, of=of)


def _reply(row: Any, path: str) -> Reply:
    only(row, ("to", "readyAfter", "fails", "takes"), path)
    if "to" not in row:
        raise ReconcileError(f"{path}: needs 'to': {row!r}")
    fails = row.get("fails", False)
    if fails is not False:
        fails = span_at("0s" if fails is True else fails, f"{path}.fails")
    return Reply(
        to=text_at(row["to"], f"{path}.to"),
        ready_after=span_at(row.get("readyAfter", "0s"), f"{path}.readyAfter"),
        fails_after=None if fails is False else fails,
        takes=span_at(row.get("takes", "0s"), f"{path}.takes"),
    )


def _fill(row: Any, path: str) -> Fill:
    only(row, ("to", "amount"), path)
    if "to" not in row or "amount" not in row:
        raise ReconcileError(f"{path}: needs 'to' and 'amount': {row!r}")
    return Fill(path=_path(row["to"], f"{path}.to"), amount=amount_at(row["amount"], f"{path}.amount"))


def _worked(row: Any, path: str) -> Work:
    only(row, ("queue", "each", "one"), path)
    if "queue" not in row or "each" not in row:
        raise ReconcileError(f"{path}: needs 'queue' and 'each': {row!r}")
    return _work(row["queue"], row["each"], path, one=_flag(row.get("one", False), f"{path}.one"))


def _work(queue: Any, each: Any, path: str, *, one: bool) -> Work:
    return Work(queue=name_at(queue, path), each=span_at(each, path), one=one)


def _path(value: Any, path: str) -> str:
    text = text_at(value, path)
    if text and (not text.startswith("/") or ".." in text.split("/")):
        raise ReconcileError(f"{path}: must be an absolute path such as /data, not {value!r}")
    return text.rstrip("/") or text


def _stop(written: Any, path: str) -> dict[str, Any]:
    if not isinstance(written, Mapping):
        return {"stop": span_at(written, path)}
    only(written, ("after", "code"), path)
    stop = span_at(written["after"], f"{path}.after") if "after" in written else Behaviour().stop
    return {"stop": stop, "stop_code": _code(written.get("code", 0), f"{path}.code")}


def rows_at(value: Any, path: str) -> list[Any] | tuple[Any, ...]:
    """Give *value*, which must be a list."""
    if not isinstance(value, list | tuple):
        raise ReconcileError(f"{path}: must be a list, not {value!r}")
    return value


def only(written: Any, known: tuple[str, ...], path: str) -> None:
    """Refuse what is no mapping, or has a field that is not *known*."""
    if not isinstance(written, Mapping):
        raise ReconcileError(f"{path or 'behaviours'}: must be a mapping, not {written!r}")
    for key in written:
        if key not in known:
            raise ReconcileError(f"{path}{'.' if path else ''}{key}: there is no such field; known: {', '.join(known)}")


# Scalars --------------------------------------------------------------------------------------------------------------


def _flag(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise ReconcileError(f"{path}: must be true or false, not {value!r}")
    return value


def span_at(value: Any, path: str) -> Span:
    """Read a duration or a range."""
    if not isinstance(value, str):
        raise ReconcileError(f"{path}: must be a duration such as '2s' or a range such as '2s..5s', not {value!r}")
    low, dots, high = value.partition("..")
    try:
        span = Span(parse_duration(low), parse_duration(high if dots else low))
    except ReconcileError as error:
        raise ReconcileError(f"{path}: {value!r}: {error}" if dots else f"{path}: {error}") from None
    if not 0 <= span.low <= span.high:
        raise ReconcileError(f"{path}: {value!r} must not be negative, nor end before it starts")
    return span


def size_at(value: Any, path: str) -> int:
    """Read a number of bytes, such as 64Mi."""
    try:
        size = Quantity.parse(str(value)).whole
    except ReconcileError as error:
        raise ReconcileError(f"{path}: {error}") from None
    if size < 0 or isinstance(value, bool):
        raise ReconcileError(f"{path}: a size is a number of bytes, such as 64Mi, not {value!r}")
    return size


def amount_at(value: Any, path: str) -> Amount:
    """Read how much there is of something; a number is a quantity too."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ReconcileError(f"{path}: must be an amount such as '100m' or '50m + 2m per request', not {value!r}")
    return parse_amount(str(value), path)


def service_at(value: Any, path: str) -> str:
    """Read the name of a service, in the pod's own namespace or in another: NAME or NAMESPACE/NAME."""
    text = text_at(value, path)
    namespace, slash, name = text.rpartition("/")
    parts = (namespace, name) if slash else (name,)
    if any(names.label_faults(part) for part in parts):
        raise ReconcileError(f"{path}: must be NAME or NAMESPACE/NAME of a service, not {value!r}")
    return text


def name_at(value: Any, path: str) -> str:
    """Read the name of an application, or of a queue."""
    text = text_at(value, path)
    for fault in names.subdomain_faults(text):
        raise ReconcileError(f"{path}: {value!r}: {fault}")
    return text


def text_at(value: Any, path: str) -> str:
    """Give *value*, which must be text."""
    if not isinstance(value, str):
        raise ReconcileError(f"{path}: must be text, not {value!r}")
    return value


def _code(value: Any, path: str) -> int:
    if isinstance(value, bool) or not re.fullmatch("[0-9]{1,3}", str(value)) or int(value) > 255:  # noqa: PLR2004 -- a byte
        raise ReconcileError(f"{path}: an exit code is 0 to 255, not {value!r}")
    return int(value)


def _ending(code: int, after: Any, probability: Any, path: str, *, oom: bool) -> Ending:
    parts, of = (1, 1) if probability is None else fraction(probability, path)
    return Ending(code=code, after=span_at(after, path), parts=parts, of=of, oom=oom)


def fraction(value: Any, path: str = "probability") -> tuple[int, int]:
    """
    Read a probability exactly, in lowest terms: 0.1, 10% or 1/10 is (1, 10).

    Raises:
        ReconcileError: it is none, or not within 0 to 1.
    """
    text = str(value)  # of a float, Python's shortest decimal that reads back as the same one
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?(?:e-[0-9]{1,3})?|[0-9]+/0*[1-9][0-9]*)(%?)", text)
    if match is None or ("/" in text and match[2]):
        raise ReconcileError(f"{path}: {value!r} is not a probability such as 0.1, 10% or 1/10")
    exact = Fraction(match[1]) / (100 if match[2] else 1)
    if exact > 1:
        raise ReconcileError(f"{path}: a probability is 0 to 1, not {value!r}")
    return exact.numerator, exact.denominator
