"""
Behaviours: what an image or a container does when it runs, as data.

A behaviour is written as clauses with commas between them, or as a mapping that says the same:

    pull 2s, start 1s, ready after 3s, exit 1 after 30s with probability 0.1

    pull DURATION          how long the image takes to come, when the host does not have it
    again DURATION         how long it takes to find out that the host has it already (imagePullPolicy: Always)
    size QUANTITY          how big it is
    absent                 there is no such image: a pull fails
    preloaded              every host has it from the start
    start DURATION         from the order to start until the container runs
    start fails            it cannot be started (exit code 128, StartError)
    ready after DURATION   from then on readiness and startup probes succeed
    readiness fails after DURATION, liveness fails after DURATION
    exit CODE after DURATION [with probability P], oom after DURATION [with probability P]
                           how it ends by itself; of several, at most one happens
    runs                   it does not end by itself, whatever its command says
    stop DURATION [with code CODE]
                           from SIGTERM until it has ended, and how
    ignores SIGTERM        it ends only when its grace is over, by SIGKILL
    logs "LINE"            what it writes when it starts; once for each line

A DURATION may be a range, `2s..5s`, of which the host draws. A probability is exact: `0.1`, `10%`, `1/10`.

What an image does can be said of single containers instead, by their pod's labels, their name, their command: see
`Rule`. `pull`, `again`, `size`, `absent` and `preloaded` are the image's alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

import attrs

from reconcile.api.quantity import Quantity
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MILLISECOND, SECOND, Duration, duration_text, parse_duration
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick

KILLED: Final = 137
"""The exit code of what SIGKILL ends: 128 + 9."""


@quick
@attrs.frozen(weakref_slot=False)
class Span:
    """A duration, or a range of which one is drawn, both ends included."""

    low: Duration
    high: Duration

    def draw(self, dice: Dice) -> tuple[Duration, Dice]:
        """Draw a duration; a span of one needs no draw."""
        if self.low == self.high:
            return self.low, dice
        more, dice = dice.below(self.high - self.low + 1)
        return self.low + more, dice

    def __str__(self) -> str:
        if self.low == self.high:
            return duration_text(self.low)
        return f"{duration_text(self.low)}..{duration_text(self.high)}"


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Ending:
    """One way in which a container ends by itself, with probability *parts* / *of*."""

    code: int
    after: Span
    parts: int = 1
    of: int = 1
    oom: bool = False


@attrs.frozen(kw_only=True)
class Behaviour:
    """What one image or container does; the module's docstring says what each part means."""

    pull: Span = Span(2 * SECOND, 2 * SECOND)
    again: Span = Span(500 * MILLISECOND, 500 * MILLISECOND)
    size: int = 64 << 20
    absent: bool = False
    preloaded: bool = False
    start: Span = Span(500 * MILLISECOND, 500 * MILLISECOND)
    start_fails: bool = False
    ready_after: Span = Span(0, 0)
    readiness_fails_after: Span | None = None
    liveness_fails_after: Span | None = None
    endings: tuple[Ending, ...] = ()
    runs: bool = False
    stop: Span = Span(SECOND, SECOND)
    stop_code: int = 0
    ignores_sigterm: bool = False
    logs: tuple[str, ...] = ()

    def ending(self, dice: Dice) -> tuple[Ending | None, Dice]:
        """Draw how a container ends by itself, or None if it runs on; no draw if there is only one possibility."""
        if not self.endings:
            return None, dice
        if self.endings[0].parts == self.endings[0].of:
            return self.endings[0], dice
        of = math.lcm(*[ending.of for ending in self.endings])
        drawn, dice = dice.below(of)
        for ending in self.endings:
            drawn -= ending.parts * (of // ending.of)
            if drawn < 0:
                return ending, dice
        return None, dice

    @property
    def text(self) -> str:
        """The clauses that make this behaviour of the default one; `default` if there are none."""
        return ", ".join(_clauses(self)) or "default"


@attrs.frozen(kw_only=True)
class Rule:
    """
    What containers do that fit a description; what it leaves empty fits all, and at least one part is not empty.

    Args:
        labels: their pods have all of these.
        name: a glob for their names.
        command: a glob for their command and arguments, with spaces between them.
        image: a pattern for their images, as in `Behaviours.images`.
        behaviour: what they do; what it says of images does not count.
    """

    labels: Map[str] = Map()
    name: str = ""
    command: str = ""
    image: str = ""
    behaviour: Behaviour

    def fit(self, container: Described) -> tuple[int, ...] | None:
        """Tell how closely this describes *container*, the closest being the greatest; None if it does not."""
        if self.command and not fnmatchcase(container.command, self.command):
            return None
        if self.name and not fnmatchcase(container.name, self.name):
            return None
        if any(container.labels.get(key) != value for key, value in self.labels.items()):
            return None
        pattern = _pattern((self.image,), container.image) if self.image else ""
        if pattern is None:
            return None
        return _said(self.command), _said(self.name), len(self.labels), _said(self.image)


@attrs.frozen(kw_only=True)
class Described:
    """A container, as rules look at it; its *command* is one text, command and arguments with spaces between them."""

    image: str
    name: str
    command: str
    labels: Map[str]


@attrs.frozen(kw_only=True)
class Behaviours:
    """
    The behaviour of every image and container.

    Args:
        images: pattern -> behaviour. A pattern is an image's name (`web:2`), a name without its tag (`web`), or a glob
            (`*/web:*`).
        sandbox: how long a pod's sandbox takes.
        containers: behaviours of single containers, which count before those of their images.
    """

    images: Map[Behaviour] = Map()
    sandbox: Span = Span(0, 0)
    containers: tuple[Rule, ...] = ()

    @classmethod
    def default(cls) -> Behaviours:
        """Give what is so unless something else is said: the control plane's images are there, others can be pulled."""
        return _DEFAULT

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Behaviours:
        """
        Read a behaviours document (`schemas/behaviours.json`), laid over the default.

        Raises:
            ReconcileError: something in it cannot be understood; its path and value are shown.
        """
        _only(document, ("sandbox", "images", "containers"), "")
        images = document.get("images") or {}
        if not isinstance(images, Mapping):
            raise ReconcileError(f"images: must map patterns to behaviours, not be {images!r}")
        read = {str(pattern): parse_behaviour(images[pattern], f"images[{pattern!r}]") for pattern in images}
        sandbox = _DEFAULT.sandbox if "sandbox" not in document else _span(document["sandbox"], "sandbox")
        rows = _rows(document.get("containers") or (), "containers")
        rules = tuple([_rule(row, f"containers[{place}]") for place, row in enumerate(rows)])
        return cls(images=_DEFAULT.images.merge(read), sandbox=sandbox, containers=rules)

    def of(self, image: str) -> Behaviour:
        """Give the behaviour of *image*: by its name, else by its name without tag, else by the most specific glob."""
        pattern = _pattern(tuple(self.images), image)
        return _USUAL if pattern is None else self.images[pattern]

    def doing(self, container: Described) -> Behaviour:
        """
        Give what *container* does: the rule that describes it most closely says so, else its image's behaviour.

        Of two rules, the closer one is the one with the command that says more, else with the name that says more, else
        with more labels, else with the image that says more (a character says more than a wildcard), else the first.
        """
        best: tuple[int, ...] = ()
        found = None
        for rule in self.containers:
            fit = rule.fit(container)
            if fit is not None and (found is None or fit > best):
                best, found = fit, rule.behaviour
        return self.of(container.image) if found is None else found

    @property
    def document(self) -> dict[str, Any]:
        """The document of which `parse` makes this again."""
        rules = {"containers": [_written(rule) for rule in self.containers]} if self.containers else {}
        return {
            "sandbox": str(self.sandbox),
            "images": {pattern: behaviour.text for pattern, behaviour in self.images.items()},
            **rules,
        }


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


# Lookup ---------------------------------------------------------------------------------------------------------------


_USUAL: Final = Behaviour()


@lru_cache(maxsize=4096)
def _pattern(patterns: tuple[str, ...], image: str) -> str | None:
    """Give the one of *patterns* that *image* goes by."""
    for name in (image, *_names(image)):
        if name in patterns:
            return name
    best = max([(_fit(pattern, image), pattern) for pattern in patterns], default=(-1, ""))
    return None if best[0] < 0 else best[1]


def _said(glob: str) -> int:
    """Tell how much a glob says: its characters without the wildcards, and that it stands there at all."""
    return len(glob) - glob.count("*") - glob.count("?") + 1 if glob else 0


def _names(image: str) -> tuple[str, ...]:
    plain = image.removeprefix("docker.io/").removeprefix("library/")
    return (plain, f"{plain}:latest", untagged(image), untagged(plain))


def _fit(pattern: str, image: str) -> int:
    """Tell how much of *image* the glob *pattern* says without a wildcard; -1 if it does not match."""
    if any(fnmatchcase(name, pattern) for name in (image, _names(image)[0])):
        return len(pattern) - pattern.count("*") - pattern.count("?")
    return -1


def untagged(image: str) -> str:
    """Give an image's name without its tag and digest: `registry:5000/web:2` -> `registry:5000/web`."""
    name = image.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    return f"{head}{slash}{tail.partition(':')[0]}"


# Rules ----------------------------------------------------------------------------------------------------------------

_OF_IMAGES: Final = ("pull", "again", "size", "absent", "preloaded")
_DESCRIBING: Final = ("labels", "name", "command", "image")


def _rule(written: Any, path: str) -> Rule:
    _only(written, (*_DESCRIBING, "behaviour"), path)
    if "behaviour" not in written:
        raise ReconcileError(f"{path}.behaviour: must say what these containers do: {dict(written)!r}")
    if not any(written.get(part) for part in _DESCRIBING):
        raise ReconcileError(f"{path}: needs at least one of {', '.join(_DESCRIBING)}: {dict(written)!r}")
    labels = written.get("labels") or {}
    if not isinstance(labels, Mapping):
        raise ReconcileError(f"{path}.labels: must map labels to values, not be {labels!r}")
    behaviour = parse_behaviour(written["behaviour"], f"{path}.behaviour")
    usual = Behaviour()
    for part in _OF_IMAGES:
        if getattr(behaviour, part) != getattr(usual, part):
            raise ReconcileError(f"{path}.behaviour: {part!r} is said of images, not of containers: {behaviour.text!r}")
    return Rule(
        labels=Map({str(key): _line(value, f"{path}.labels.{key}") for key, value in labels.items()}),
        name=_line(written.get("name", ""), f"{path}.name"),
        command=_line(written.get("command", ""), f"{path}.command"),
        image=_line(written.get("image", ""), f"{path}.image"),
        behaviour=behaviour,
    )


def _written(rule: Rule) -> dict[str, Any]:
    parts = {part: getattr(rule, part) for part in _DESCRIBING if getattr(rule, part)}
    return {**parts, "behaviour": rule.behaviour.text}


# Texts ----------------------------------------------------------------------------------------------------------------

_CLAUSE: Final = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*")+')
_SPAN: Final = r"(?P<{}>[0-9][0-9a-zµ.]*)"
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
    ("oom", re.compile("oom after " + _SPAN.format("span") + _CHANCE)),
    ("runs", re.compile("runs")),
    ("stop", re.compile("stop " + _SPAN.format("span") + "(?: with code (?P<code>[0-9]+))?")),
    ("ignores_sigterm", re.compile("ignores SIGTERM")),
    ("logs", re.compile(r'logs "(?P<line>(?:[^"\\]|\\.)*)"')),
)
_FLAGS: Final = ("absent", "preloaded", "start_fails", "runs", "ignores_sigterm")
_SPANS: Final = ("pull", "again", "start", "ready_after", "readiness_fails_after", "liveness_fails_after")


@lru_cache(maxsize=256)
def _from_text(text: str, path: str) -> Behaviour:
    parts: dict[str, Any] = {}
    endings: list[Ending] = []
    logs: list[str] = []
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
            parts[name] = _span(match["span"], place)
        elif name == "size":
            parts[name] = _size(match["quantity"], place)
        elif name == "stop":
            parts |= {"stop": _span(match["span"], place), "stop_code": _code(match["code"] or 0, place)}
        elif name in {"exit", "oom"}:
            code = KILLED if name == "oom" else _code(match["code"], place)
            endings.append(_ending(code, match["span"], match["probability"], place, oom=name == "oom"))
        elif name == "logs":
            logs.append(re.sub(r"\\(.)", r"\1", match["line"]))
    parts.pop("default", None)
    return Behaviour(**parts, endings=tuple(endings), logs=tuple(logs))


def _matched(clause: str, path: str) -> tuple[str, re.Match[str]]:
    for name, form in _FORMS:
        match = form.fullmatch(clause)
        if match is not None:
            return name, match
    raise ReconcileError(f"{path}: {clause!r} is no clause such as 'pull 2s', 'exit 1 after 30s' or 'ready after 3s'")


def _clauses(behaviour: Behaviour) -> list[str]:
    usual = Behaviour()
    said: list[str] = []
    for field in ("pull", "again", "size", "absent", "preloaded", "start", "start_fails", *_SPANS[3:]):
        value = getattr(behaviour, field)
        if value != getattr(usual, field):
            words = field.replace("_", " ")
            said.append(words if value is True else f"{words} {value}")
    for ending in behaviour.endings:
        chance = "" if ending.parts == ending.of else f" with probability {ending.parts}/{ending.of}"
        said.append(f"{'oom' if ending.oom else f'exit {ending.code}'} after {ending.after}{chance}")
    if behaviour.runs:
        said.append("runs")
    if (behaviour.stop, behaviour.stop_code) != (usual.stop, usual.stop_code):
        said.append(f"stop {behaviour.stop} with code {behaviour.stop_code}")
    if behaviour.ignores_sigterm:
        said.append("ignores SIGTERM")
    return said + ['logs "{}"'.format(re.sub(r'(["\\])', r"\\\1", line)) for line in behaviour.logs]


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


def _from_mapping(written: Mapping[str, Any], path: str) -> Behaviour:
    _only(written, (*_KEYS, "size", "exits", "stop", "logs"), path)
    parts: dict[str, Any] = {}
    for key, field in _KEYS.items():
        if key in written:
            value, where = written[key], f"{path}.{key}"
            parts[field] = _flag(value, where) if field in _FLAGS else _span(value, where)
    if "size" in written:
        parts["size"] = _size(written["size"], f"{path}.size")
    if "stop" in written:
        parts |= _stop(written["stop"], f"{path}.stop")
    if "exits" in written:
        rows = _rows(written["exits"], f"{path}.exits")
        parts["endings"] = tuple([_exit(row, f"{path}.exits[{place}]") for place, row in enumerate(rows)])
    if "logs" in written:
        rows = _rows(written["logs"], f"{path}.logs")
        parts["logs"] = tuple([_line(line, f"{path}.logs[{place}]") for place, line in enumerate(rows)])
    return Behaviour(**parts)


def _exit(row: Any, path: str) -> Ending:
    _only(row, ("code", "oom", "after", "probability"), path)
    oom = _flag(row.get("oom", False), f"{path}.oom")
    if "after" not in row or ("code" in row) == oom:
        raise ReconcileError(f"{path}: needs 'after', and either 'code' or 'oom: true': {row!r}")
    code = KILLED if oom else _code(row["code"], f"{path}.code")
    return _ending(code, row["after"], row.get("probability"), path, oom=oom)


def _stop(written: Any, path: str) -> dict[str, Any]:
    if not isinstance(written, Mapping):
        return {"stop": _span(written, path)}
    _only(written, ("after", "code"), path)
    stop = _span(written["after"], f"{path}.after") if "after" in written else Behaviour().stop
    return {"stop": stop, "stop_code": _code(written.get("code", 0), f"{path}.code")}


def _rows(value: Any, path: str) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ReconcileError(f"{path}: must be a list, not {value!r}")
    return value


def _only(written: Any, known: tuple[str, ...], path: str) -> None:
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


def _span(value: Any, path: str) -> Span:
    if not isinstance(value, str):
        raise ReconcileError(f"{path}: must be a duration such as '2s' or a range such as '2s..5s', not {value!r}")
    low, dots, high = value.partition("..")
    try:
        span = Span(parse_duration(low), parse_duration(high if dots else low))
    except ReconcileError as error:
        raise ReconcileError(f"{path}: {error}") from None
    if not 0 <= span.low <= span.high:
        raise ReconcileError(f"{path}: {value!r} must not be negative, nor end before it starts")
    return span


def _size(value: Any, path: str) -> int:
    try:
        size = Quantity.parse(str(value)).whole
    except ReconcileError as error:
        raise ReconcileError(f"{path}: {error}") from None
    if size < 0 or isinstance(value, bool):
        raise ReconcileError(f"{path}: a size is a number of bytes, such as 64Mi, not {value!r}")
    return size


def _line(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise ReconcileError(f"{path}: must be text, not {value!r}")
    return value


def _code(value: Any, path: str) -> int:
    if isinstance(value, bool) or not re.fullmatch("[0-9]{1,3}", str(value)) or int(value) > 255:  # noqa: PLR2004 -- a byte
        raise ReconcileError(f"{path}: an exit code is 0 to 255, not {value!r}")
    return int(value)


def _ending(code: int, after: Any, probability: Any, path: str, *, oom: bool) -> Ending:
    parts, of = (1, 1) if probability is None else fraction(probability, path)
    return Ending(code=code, after=_span(after, path), parts=parts, of=of, oom=oom)


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


_DEFAULT: Final = Behaviours(
    images=Map(
        {
            "*": Behaviour(),
            "registry.k8s.io/*": parse_behaviour("preloaded, start 1s, stop 1s"),
        }
    )
)
