"""
RE2's regular expressions by Python's own: what Go takes is compiled, what it refuses is refused in its words.

Python's engine backtracks where RE2 does not; on what both take they find the same.

Source:   https://github.com/google/re2/wiki/Syntax; the error texts of Go's regexp/syntax.
Left out: see docs/limits.md, "Custom resources".
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import Final

from reconcile.lib.errors import ReconcileError

_CLASSES: Final = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_LETTERS: Final = {"z": r"\Z", "A": r"\A", "C": r"(?s:.)", "a": r"\x07"}
_UNICODE: Final = {"L": r"[^\W\d_]", "N": r"\d", "Lu": "[A-Z]", "Ll": "[a-z]", "Nd": "[0-9]"}
_REFUSED: Final = re.compile(r"\(\?(?:=|!|<=|<!|#|>|\()")
_DIGITS: Final = "123456789"
_MOST: Final = 1000  # repetitions of what is counted
_TOKEN: Final = re.compile(
    r"\\Q(?P<literal>.*?)(?:\\E|$)|\\(?:p|P)(?:\{\^?\w+\}|\w)|\\x\{(?P<hex>[0-9A-Fa-f]+)\}|\\.|\[:\^?\w+:\]|\(\?P?<"
    r"|\(\?(?P<flags>[A-Za-z-]*)[:)]|.",
    re.DOTALL,
)
_FLAGS: Final = re.compile(r"[ims]*(?:-[ims]+)?")
_SOME_FLAGS: Final = re.compile(r"\(\?[ims]*-?[ims]*")


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """
    Give the compiled form of an RE2 pattern.

    Raises:
        ReconcileError: it is none; the text is Go's: `error parsing regexp: missing closing ): ...`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return re.compile(_translated(pattern), re.ASCII)
        except re.error as error:
            raise ReconcileError(f"error parsing regexp: {_go_words(error, pattern)}") from None
        except (OverflowError, RecursionError):
            raise ReconcileError("error parsing regexp: expression nests too deeply") from None


def _translated(pattern: str) -> str:
    refused = _REFUSED.search(re.sub(r"\\.|\[[^\]]*\]", lambda found: "_" * len(found[0]), pattern, flags=re.DOTALL))
    if refused:
        raise ReconcileError(
            f"error parsing regexp: invalid or unsupported Perl syntax: `{pattern[refused.start() : refused.end()]}`"
        )
    out: list[str] = []
    groups = _Groups()
    within = False
    repeated = False
    for found in _TOKEN.finditer(pattern):
        token = found[0]
        literal = found["literal"]
        if literal is not None:
            out.append(re.escape(literal))
        elif found["hex"]:
            out.append(re.escape(chr(int(found["hex"], 16))) if int(found["hex"], 16) <= 0x10FFFF else token)  # noqa: PLR2004 -- Unicode's last
        elif token.startswith("\\"):
            out.append(_escape(token, within=within))
        elif token.startswith("[:") and within:
            out.append(_class(token))
        elif within:
            within = token != "]" or out[-1] in ("[", "[^") or (out[-1] == "^" and out[-2] == "[")
            out.append("\\" + token if token in "[&|~" else token)
        elif token == "[" or token.startswith("[:"):
            within = True
            out += [token[0], *token[1:]]
        else:
            if token in "*+" and repeated and out[-1] in "*+}":
                raise ReconcileError(f"error parsing regexp: invalid nested repetition operator: `{out[-1]}{token}`")
            out.append(groups.taken(token, found["flags"]))
        repeated = not within and token in ("*", "+", "?", "}")
    return "".join(out) + groups.ended()


class _Groups:
    """
    The groups that are open while a pattern is read, and the flags that hold in each.

    Go's `(?i)` holds from where it stands to the end of its group, across alternatives; Python has flags for the whole
    pattern, or for a group of their own, which therefore is opened, and closed where the alternative or the group ends.
    """

    def __init__(self) -> None:
        self._open: list[tuple[bool, tuple[str, ...]]] = [(False, ())]
        """Of each group whether `$` is the end of a line in it, and what was opened for its flags."""

    def taken(self, token: str, flags: str | None) -> str:
        """Give what a token outside of classes is in Python."""
        lines, opened = self._open[-1]
        if flags is not None:
            lines = _of_lines(token, flags, before=lines)
            if token.endswith(":"):
                self._open.append((lines, ()))
                return token
            opened = (*opened, f"(?{flags}:")
            self._open[-1] = lines, opened
            return opened[-1]
        if token.startswith("("):
            self._open.append((lines, ()))
            return "(?P<" if token == "(?<" else token
        if token == "|":
            return ")" * len(opened) + token + "".join(opened)
        if token == ")" and len(self._open) > 1:
            self._open.pop()
            return ")" * len(opened) + token
        if token == "$":
            # Without (?m), Go's is the very end of the text.
            return token if lines else r"\Z"
        return token

    def ended(self) -> str:
        """Close what was opened for flags outside of all groups."""
        return ")" * len(self._open[0][1])


def _of_lines(token: str, flags: str, *, before: bool) -> bool:
    """Tell whether `$` is the end of a line under these flags."""
    if not _FLAGS.fullmatch(flags):
        wrong = _SOME_FLAGS.match(token)
        said = token[: wrong.end() + 1 if wrong else None]
        raise ReconcileError(f"error parsing regexp: invalid or unsupported Perl syntax: `{said}`")
    on, _, off = flags.partition("-")
    return (before or "m" in on) and "m" not in off


def _escape(token: str, *, within: bool) -> str:
    letter = token[1:2]
    if letter in ("p", "P"):
        name = token[2:].strip("{}^")
        found = _UNICODE.get(name)
        if found is None or within:
            raise ReconcileError(f"error parsing regexp: invalid character class range: `{token}`")
        return found if letter == "p" else f"(?!{found})(?s:.)"
    if letter and letter in _DIGITS:
        raise ReconcileError(f"error parsing regexp: invalid escape sequence: `{token}`")
    if letter in ("Z", "G", "K", "R", "X", "h", "H", "u", "N") or (
        letter in ("c", "e", "g", "k", "l", "y", "i", "j", "m", "o", "q")
    ):
        raise ReconcileError(f"error parsing regexp: invalid escape sequence: `{token}`")
    return token if within else _LETTERS.get(letter, token)


def _class(token: str) -> str:
    name = token[2:-2].lstrip("^")
    if name not in _CLASSES or token[2] == "^":
        raise ReconcileError(f"error parsing regexp: invalid character class range: `{token}`")
    return _CLASSES[name]


def _go_words(error: re.error, pattern: str) -> str:
    said = error.msg
    at = error.pos or 0
    rest = pattern[at : at + 1]
    if said.startswith(("missing ), unterminated", "unterminated subpattern")):
        return f"missing closing ): `{pattern}`"
    if said.startswith("unbalanced parenthesis"):
        return f"unexpected ): `{pattern}`"
    if said.startswith("unterminated character set"):
        return f"missing closing ]: `{pattern[at:]}`"
    if said.startswith("nothing to repeat"):
        return f"missing argument to repetition operator: `{rest}`"
    if said.startswith("multiple repeat"):
        return f"invalid nested repetition operator: `{pattern[max(0, at - 1) : at + 1]}`"
    if said.startswith("bad character range"):
        return f"invalid character class range: `{said.rpartition(' ')[2]}`"
    if said.startswith("bad escape (end of pattern)"):
        return "trailing backslash at end of expression: ``"
    if said.startswith(("bad escape", "incomplete escape")):
        return f"invalid escape sequence: `{pattern[at : at + 2]}`"
    if said.startswith("min repeat"):
        return f"invalid repeat count: `{pattern[at:]}`"
    return f"invalid or unsupported Perl syntax: `{pattern[at:]}`"
