"""
Commands: what a container comes to, where its command and arguments say it: `sleep 5`, `sh -c "echo hello; exit 1"`.

What can be read: sleep, echo, printf, true, false, exit, tail -f, tools that only work with files (mkdir, cp, ...), and
of the shell's language (`reconcile.model.shell`) lists, pipes, redirections, groups, if, for, while and until.
Everything else is a program about which nothing is known. Of a container that is there to end (a task), such a program
is taken to succeed after a second; of any other, the command as a whole says nothing.

Source:   POSIX, "Shell Command Language" and "Utilities"; coreutils' sleep.
Left out: variables, functions, case, here-documents, jobs in the background: a command that has them says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Final, assert_never

import attrs

from reconcile.lib.instant import MINUTE, SECOND, Duration
from reconcile.model.shell import Choice, Each, Group, List, Loop, Negated, Node, Pipe, Simple, Unreadable, Word, parsed

WORK: Final = SECOND
"""How long a task works on what cannot be read."""


@attrs.frozen
class Outcome:
    """
    What a command comes to.

    Args:
        code: its exit code; None: it runs for ever.
        after: how long after its start it exits.
        lines: what it writes, line by line, each with how long after its start.
        round: of one that goes round for ever: how many of its last lines every round writes.
        every: how long a round takes.
        deaf: it ignores SIGTERM (`trap '' TERM`).
    """

    code: int | None
    after: Duration = 0
    lines: tuple[tuple[Duration, str], ...] = ()
    round: int = 0
    every: Duration = 0
    deaf: bool = False


DONE: Final = Outcome(0, WORK)
"""What a task of which nothing is known comes to."""


@lru_cache(maxsize=4096)
def outcome(command: tuple[str, ...], args: tuple[str, ...], *, task: bool = False) -> Outcome | None:
    """
    Give what a container comes to that is started with this command and these arguments.

    Args:
        command: in place of the image's entry point, which nobody knows; without it, *args* count only where they begin
            with a shell or a tool, as for an image without an entry point.
        args: its arguments.
        task: whether it is there to end.

    Returns:
        None if nothing can be said: it is not there to end, and does what cannot be read.
    """
    argv = (*command, *args)
    if not argv or not (command or _tool(argv[0]) in _SHELLS or _tool(argv[0]) in _TOOLS):
        return DONE if task else None
    run = _Run(task=task)
    try:
        code: int | None = _started(run, tuple([Word(text) for text in argv]))
    except _Exited as exited:
        code = exited.code
    except _ForEver:
        code = None
    except (Unreadable, _Left):
        return DONE if task else None
    return Outcome(code, run.now if code is not None else 0, tuple(run.lines), run.round, run.every, run.deaf)


def _started(run: _Run, words: tuple[Word, ...]) -> int:
    """Run what a container is started with, which is a program: the shell's own words are none."""
    name = _tool(words[0].text)
    if name not in _SHELLS and name not in _TOOLS:
        return run.unknown()
    return _called(run, name, words[1:], silent=False)


# Running --------------------------------------------------------------------------------------------------------------

_MOST_STEPS: Final = 10_000
_DEEPEST: Final = 20  # shells within shells
_MOST_LINES: Final = 1_000
_FOR_EVER: Final = 100 * 365 * 24 * 60 * MINUTE


class _Exited(Exception):  # noqa: N818 -- it ends a run, it is no error
    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


class _ForEver(Exception):  # noqa: N818
    """It never ends."""


class _Left(Exception):  # noqa: N818
    """A loop is left (`break`), or begun anew (`continue`)."""

    def __init__(self, *, anew: bool) -> None:
        super().__init__()
        self.anew = anew


class _Run:
    """One run of a command, local to `outcome`: how long it took so far, what it wrote."""

    def __init__(self, *, task: bool) -> None:
        self.task = task
        self.now: Duration = 0
        self.lines: list[tuple[Duration, str]] = []
        self.round = 0
        self.every: Duration = 0
        self.status = 0
        self.guesses = 0  # programs of which nothing is known
        self.strict = False  # set -e
        self.deaf = False  # trap '' TERM
        self.depth = 0
        self._steps = 0

    def step(self) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise Unreadable("too long a run")

    def unknown(self) -> int:
        if not self.task:
            raise Unreadable("a program of which nothing is known")
        self.guesses += 1
        self.now += WORK
        return 0

    def write(self, text: str) -> None:
        for line in text.split("\n")[: _MOST_LINES - len(self.lines)]:
            self.lines.append((self.now, line))


def _play(run: _Run, node: Node, *, asked: bool, silent: bool = False) -> int:
    """Run a part of a script and give its status; *asked* if that is a question, which `set -e` lets pass."""
    run.step()
    run.status = _status(run, node, asked=asked, silent=silent)
    if run.status and run.strict and not asked and isinstance(node, Simple | Pipe | Group):
        raise _Exited(run.status)
    return run.status


def _status(run: _Run, node: Node, *, asked: bool, silent: bool) -> int:
    match node:
        case Simple(words, quiet):
            return _simple(run, words, silent=silent or quiet)
        case List(parts):
            return _list(run, parts, asked=asked, silent=silent)
        case Negated(part):
            return int(not _play(run, part, asked=True, silent=silent))
        case Pipe(parts):
            return _pipe(run, parts, silent=silent)
        case Group(part, own, quiet):
            return _group(run, part, own=own, asked=asked, silent=silent or quiet)
        case Choice():
            return _choice(run, node, asked=asked, silent=silent)
        case Each(words, body):
            return _each(run, words, body, asked=asked, silent=silent)
        case Loop():
            return _loop(run, node, asked=asked, silent=silent)
        case _:
            assert_never(node)


def _list(run: _Run, parts: tuple[tuple[str, Node], ...], *, asked: bool, silent: bool) -> int:
    status = 0
    for place, (joint, part) in enumerate(parts):
        if (joint == "&&" and status) or (joint == "||" and not status):
            continue
        follows = place + 1 < len(parts) and parts[place + 1][0] in {"&&", "||"}
        status = _play(run, part, asked=asked or follows, silent=silent)
    return status


def _pipe(run: _Run, parts: tuple[Node, ...], *, silent: bool) -> int:
    """Run the parts of a pipe at once; what one writes the next one reads, and only a copy of it comes out again."""
    begun, ends, status = run.now, run.now, 0
    for place, part in enumerate(parts):
        run.now = begun
        last = place + 1 == len(parts)
        copies = all(isinstance(each, Simple) and each.name in {"cat", "tee"} for each in parts[place + 1 :])
        status = _group(run, part, own=True, asked=True, silent=silent or not (last or copies))
        ends = max(ends, run.now)
    run.now = ends
    return status


def _group(run: _Run, part: Node, *, own: bool, asked: bool, silent: bool) -> int:
    if not own:
        return _play(run, part, asked=asked, silent=silent)
    strict, deaf = run.strict, run.deaf
    try:
        return _play(run, part, asked=asked, silent=silent)
    except _Exited as exited:
        return exited.code
    finally:
        run.strict, run.deaf = strict, deaf


def _choice(run: _Run, choice: Choice, *, asked: bool, silent: bool) -> int:
    for test, then in choice.tests:
        guesses = run.guesses
        chosen = not _play(run, test, asked=True, silent=silent)
        if run.guesses > guesses:
            raise Unreadable("a choice that nobody knows")
        if chosen:
            return _play(run, then, asked=asked, silent=silent)
    return 0 if choice.otherwise is None else _play(run, choice.otherwise, asked=asked, silent=silent)


def _each(run: _Run, words: tuple[Word, ...], body: Node, *, asked: bool, silent: bool) -> int:
    if any(word.varies for word in words):
        raise Unreadable("a loop over what nobody knows")
    status = 0
    for _ in words:
        try:
            status = _play(run, body, asked=asked, silent=silent)
        except _Left as left:
            if not left.anew:
                break
    return status


def _loop(run: _Run, loop: Loop, *, asked: bool, silent: bool) -> int:
    """Run a loop: as nothing that it asks can change, it is not entered, left in its first round, or never ends."""
    guesses, begun, lines = run.guesses, run.now, len(run.lines)
    if bool(_play(run, loop.test, asked=True, silent=silent)) is not loop.until:
        return 0
    if run.guesses > guesses:
        raise Unreadable("a loop that ends when nobody knows")
    try:
        _play(run, loop.body, asked=asked, silent=silent)
    except _Left as left:
        if not left.anew:
            return 0
    except Unreadable:
        if loop.may_end:
            raise
        raise _ForEver from None
    run.round, run.every = len(run.lines) - lines, run.now - begun
    raise _ForEver


# Programs -------------------------------------------------------------------------------------------------------------


def _simple(run: _Run, words: tuple[Word, ...], *, silent: bool) -> int:
    while words and words[0].assigns:
        words = words[1:]
    if not words:
        return 0
    if words[0].varies:
        return run.unknown()
    return _called(run, _tool(words[0].text), words[1:], silent=silent)


def _called(run: _Run, name: str, args: tuple[Word, ...], *, silent: bool) -> int:
    if name in _SHELLS:
        return _shell(run, args, silent=silent)
    if name in {"echo", "printf"}:
        written = _echoed(args) if name == "echo" else _printed(args)
        if not silent and written is not None:
            run.write(written)
        return 0
    if name == "exec":
        raise _Exited(_simple(run, args, silent=silent)) if args else Unreadable("exec of nothing")
    found = _TOOLS.get(name) or _BUILT_IN.get(name)
    return run.unknown() if found is None else found(run, args)


def _shell(run: _Run, args: tuple[Word, ...], *, silent: bool) -> int:
    """Run `sh -c SCRIPT`."""
    strict, commanded, rest = False, False, list(args)
    while rest and rest[0].text[:1] in {"-", "+"} and len(rest[0].text) > 1:
        letters = rest.pop(0).text
        if letters.startswith("--"):
            continue
        strict, commanded = strict or "e" in letters[1:], commanded or "c" in letters
        if letters.endswith("o") and rest:
            strict = rest.pop(0).text == "errexit" or strict
    if not commanded or not rest or rest[0].varies:
        return run.unknown()
    if run.depth >= _DEEPEST:
        raise Unreadable("too many shells within shells")
    outer, run.strict, run.depth = run.strict, strict, run.depth + 1
    try:
        return _play(run, parsed(rest[0].text), asked=False, silent=silent)
    except _Exited as exited:
        return exited.code
    finally:
        run.strict, run.depth = outer, run.depth - 1


def _sleep(run: _Run, args: tuple[Word, ...]) -> int:
    if any(word.varies for word in args):
        return run.unknown()
    spans = [_span(word.text) for word in args]
    if not spans or None in spans:
        return 1
    took = sum([span for span in spans if span is not None])
    if run.now + took >= _FOR_EVER:
        raise _ForEver
    run.now += took
    return 0


_UNITS: Final = {"": SECOND, "s": SECOND, "m": MINUTE, "h": 60 * MINUTE, "d": 24 * 60 * MINUTE}


def _span(text: str) -> Duration | None:
    """Read a duration as coreutils' sleep does; None if it is none."""
    if text.lower() in {"infinity", "inf"}:
        return _FOR_EVER
    match = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})([smhd]?)", text)
    return None if match is None else int(Decimal(match[1]) * _UNITS[match[2]])


def _exit(run: _Run, args: tuple[Word, ...]) -> int:
    text = args[0].text if args else "$?"
    if text == "$?":
        raise _Exited(run.status)
    if args[0].varies:
        raise Unreadable("an exit code that nobody knows")
    raise _Exited(int(text) % 256 if re.fullmatch("[0-9]{1,18}", text) else 2)


def _set(run: _Run, args: tuple[Word, ...]) -> int:
    for place, word in enumerate(args):
        option = args[place + 1].text if word.text in {"-o", "+o"} and place + 1 < len(args) else ""
        if word.text[:1] in {"-", "+"} and ("e" in word.text[1:] or option == "errexit"):
            run.strict = word.text.startswith("-")
    return 0


def _trap(run: _Run, args: tuple[Word, ...]) -> int:
    if len(args) > 1 and any(word.text.upper() in {"TERM", "SIGTERM", "15"} for word in args[1:]):
        run.deaf = not args[0].text and not args[0].varies
    return 0


def _tail(run: _Run, args: tuple[Word, ...]) -> int:
    flags = [word.text for word in args if word.text.startswith("-")]
    if any(flag.startswith("--follow") or (not flag.startswith("--") and set(flag) & set("fF")) for flag in flags):
        raise _ForEver
    return _succeeds(run, args)


def _test(_run: _Run, args: tuple[Word, ...]) -> int:
    """Answer `[ 1 ]`; whatever is asked about files, texts and numbers, nobody knows, and it may well be false."""
    words = args[:-1] if args and args[-1].text in {"]", "]]"} else args
    if len(words) != 1 or not words[0].text or words[0].varies:
        raise Unreadable("a test that nobody knows")
    return 0


def _succeeds(_run: _Run, _args: tuple[Word, ...]) -> int:
    return 0


def _fails(_run: _Run, _args: tuple[Word, ...]) -> int:
    return 1


def _goes_on(_run: _Run, _args: tuple[Word, ...]) -> int:
    raise _ForEver


def _leaves(_run: _Run, args: tuple[Word, ...]) -> int:
    if args:
        raise Unreadable("several loops left at once")
    raise _Left(anew=False)


def _begins_anew(_run: _Run, args: tuple[Word, ...]) -> int:
    if args:
        raise Unreadable("several loops left at once")
    raise _Left(anew=True)


_Tool = Callable[[_Run, tuple[Word, ...]], int]
_SHELLS: Final = frozenset({"sh", "bash", "ash", "dash"})
_FILES: Final = (
    "cat chgrp chmod chown cp date df env hostname id ln ls mkdir mktemp mv printenv pwd rm rmdir sync tee touch uname "
    "whoami"
)
_TOOLS: Final[dict[str, _Tool]] = {
    **dict.fromkeys(_FILES.split(), _succeeds),
    "true": _succeeds,
    "echo": _succeeds,
    "printf": _succeeds,
    "false": _fails,
    "sleep": _sleep,
    "tail": _tail,
    "yes": _goes_on,
}
_BUILT_IN: Final[dict[str, _Tool]] = {
    **dict.fromkeys(("cd", "export", "readonly", "umask", "ulimit", "unset", "wait", ":"), _succeeds),
    "exit": _exit,
    "set": _set,
    "trap": _trap,
    "test": _test,
    "[": _test,
    "[[": _test,
    "break": _leaves,
    "continue": _begins_anew,
}
_PLACES: Final = ("/usr/local/bin/", "/usr/bin/", "/bin/", "/busybox/")


def _tool(text: str) -> str:
    for place in _PLACES:
        if text.startswith(place):
            return text.removeprefix(place)
    return text


def _echoed(args: tuple[Word, ...]) -> str:
    words = [word.text for word in args]
    while words and re.fullmatch("-[neE]+", words[0]):
        words.pop(0)
    return " ".join(words)


def _printed(args: tuple[Word, ...]) -> str | None:
    """Give what printf writes, if its format takes nothing in."""
    if len(args) != 1 or "%" in args[0].text:
        return None
    return args[0].text.replace("\\n", "\n").removesuffix("\n")
