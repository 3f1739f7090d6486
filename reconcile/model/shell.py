"""
Shell: the part of a shell's language that `reconcile.model.commands` understands, read into a tree.

Source:   POSIX, "Shell Command Language": tokens, quoting, grammar.
Left out: case, functions, here-documents, jobs in the background. Words are not expanded: one that would be is marked.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

import attrs


class Unreadable(Exception):  # noqa: N818 -- it is no error of anybody's
    """A script that cannot be understood here."""


@attrs.frozen
class Word:
    """
    A word, without its quotes.

    Args:
        text: what it says; of what is expanded, as it was written.
        varies: whether something in it is expanded: a variable, a command, a pattern.
        quoted: whether any of it was quoted.
    """

    text: str
    varies: bool = False
    quoted: bool = False

    @property
    def assigns(self) -> bool:
        """Tell whether it sets a variable, if a command begins with it."""
        return re.match("[A-Za-z_][A-Za-z0-9_]*=", self.text) is not None


@attrs.frozen
class Simple:
    """A command and its words; *quiet* if what it writes goes into a file."""

    words: tuple[Word, ...]
    quiet: bool = False

    @property
    def name(self) -> str:
        """What is called."""
        return self.words[0].text.rpartition("/")[2] if self.words else ""


@attrs.frozen
class List:
    """Commands one after the other, each with what stands before it: `;`, `&&` or `||`."""

    parts: tuple[tuple[str, Node], ...]


@attrs.frozen
class Negated:
    """`! COMMAND`."""

    part: Node


@attrs.frozen
class Pipe:
    """Commands with `|` between them."""

    parts: tuple[Node, ...]


@attrs.frozen
class Group:
    """`{ LIST; }`, or `( LIST )`, which is a shell of its own."""

    part: Node
    own: bool
    quiet: bool = False


@attrs.frozen
class Choice:
    """`if TEST; then LIST; elif ...; else LIST; fi`."""

    tests: tuple[tuple[Node, Node], ...]
    otherwise: Node | None


@attrs.frozen
class Each:
    """`for NAME in WORDS; do LIST; done`."""

    words: tuple[Word, ...]
    body: Node


@attrs.frozen
class Loop:
    """`while TEST; do LIST; done`, or `until`; *may_end* if a word in its body could end it."""

    test: Node
    body: Node
    until: bool
    may_end: bool


Node: TypeAlias = Simple | List | Negated | Pipe | Group | Choice | Each | Loop

# Words ----------------------------------------------------------------------------------------------------------------

_OPERATORS: Final = (
    "&>>",
    "&&",
    "||",
    ";;",
    "&>",
    "<<",
    ">>",
    ">&",
    "<&",
    ">|",
    ";",
    "&",
    "|",
    "(",
    ")",
    "<",
    ">",
    "\n",
)
_ENDS: Final = frozenset(" \t\r\n;&|()<>")
_REDIRECTION: Final = re.compile(r"([0-9]*)(>>|>&|>\||>|<&|<|&>>|&>)")
_LONGEST: Final = 100_000
_DEEPEST: Final = 50

_Token: TypeAlias = Word | str


def _tokens(text: str) -> list[_Token]:
    if len(text) > _LONGEST:
        raise Unreadable("too long")
    found: list[_Token] = []
    place = 0
    while place < len(text):
        operator = _operator(text, place)
        if text[place] in " \t\r":
            place += 1
        elif text.startswith("\\\n", place):
            place += 2
        elif text[place] == "#":
            place = text.find("\n", place) if "\n" in text[place:] else len(text)
        elif operator:
            found.append(operator)
            place += len(operator)
        else:
            word, place = _word(text, place)
            operator = _operator(text, place)
            if word.text.isdigit() and not word.quoted and operator[:1] in {"<", ">"} and operator:
                found.append(word.text + operator)  # 2>&1
                place += len(operator)
            else:
                found.append(word)
    return found


def _operator(text: str, place: int) -> str:
    return next((operator for operator in _OPERATORS if text.startswith(operator, place)), "")


def _word(text: str, place: int) -> tuple[Word, int]:
    parts: list[str] = []
    varies = quoted = False
    while place < len(text) and text[place] not in _ENDS:
        char = text[place]
        if char == "'":
            end = _found(text, "'", place + 1)
            parts.append(text[place + 1 : end])
            quoted, place = True, end + 1
        elif char == '"':
            inner, inside, place = _within(text, place + 1)
            parts.append(inner)
            quoted, varies = True, varies or inside
        elif char == "\\":
            parts.append(text[place + 1 : place + 2].removesuffix("\n"))
            quoted, place = True, place + 2
        elif char in "$`":
            end = _expansion(text, place)
            parts.append(text[place:end])
            varies, place = varies or end > place + 1, end
        else:
            parts.append(char)
            varies, place = varies or char in "*?", place + 1
    return Word("".join(parts), varies, quoted), place


def _within(text: str, place: int) -> tuple[str, bool, int]:
    """Read what stands between double quotes, from after the first to after the last."""
    parts: list[str] = []
    varies = False
    while place < len(text) and text[place] != '"':
        if text[place] == "\\" and text[place + 1 : place + 2] in {'"', "\\", "$", "`", "\n"}:
            parts.append(text[place + 1].removesuffix("\n"))
            place += 2
        elif text[place] in "$`":
            end = _expansion(text, place)
            parts.append(text[place:end])
            varies, place = varies or end > place + 1, end
        else:
            parts.append(text[place])
            place += 1
    if place >= len(text):
        raise Unreadable("a quotation mark without its pair")
    return "".join(parts), varies, place + 1


def _expansion(text: str, place: int) -> int:
    """Give where the variable or command ends that begins at *place*."""
    if text[place] == "`":
        return _found(text, "`", place + 1) + 1
    if text.startswith("$(", place):
        return _closing(text, place + 1)
    if text.startswith("${", place):
        return _found(text, "}", place) + 1
    match = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*|[0-9?!#@*$-])").match(text, place)
    return place + 1 if match is None else match.end()


def _closing(text: str, place: int) -> int:
    """Give where the bracket is closed that is opened at *place*; what is quoted in between does not count."""
    depth = 0
    while place < len(text):
        char = text[place]
        if char in "'\"":
            place = _found(text, char, place + 1)
        elif char == "\\":
            place += 1
        depth += (char == "(") - (char == ")")
        place += 1
        if not depth:
            return place
    raise Unreadable("a bracket that is not closed")


def _found(text: str, char: str, place: int) -> int:
    end = text.find(char, place)
    if end < 0:
        raise Unreadable(f"a {char} that is missing")
    return end


# Grammar --------------------------------------------------------------------------------------------------------------

_LOOPS: Final = ("while", "until", "for", "do", "done", "in", "select")
_CHOICES: Final = ("if", "then", "elif", "else", "fi", "case", "esac")
_RESERVED: Final = frozenset((*_LOOPS, *_CHOICES, "{", "}", "!", "function"))
_WAYS_OUT: Final = frozenset(("exit", "break", "return", "exec", "kill"))


def parsed(script: str) -> Node:
    """
    Read a script.

    Raises:
        Unreadable: it has what is left out here, or is none.
    """
    reader = _Reader(_tokens(script))
    node = reader.list(())
    if reader.left:
        raise Unreadable("something after its end")
    return node


class _Reader:
    """Reads tokens from left to right; local to `parsed`."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    @property
    def left(self) -> bool:
        return self._place < len(self._tokens)

    def list(self, ends: tuple[str, ...]) -> Node:
        """Read commands up to a word of *ends*, or to the end of what there is."""
        parts: list[tuple[str, Node]] = []
        joint = ";"
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Unreadable("too deep")
        self._lines()
        while self.left and self._next() not in ends:
            parts.append((joint, self._pipe()))
            joint = self._joint()
        if joint != ";" or (not parts and ends):
            raise Unreadable("a command is missing")
        self._depth -= 1
        return parts[0][1] if len(parts) == 1 else List(tuple(parts))

    def _joint(self) -> str:
        after = self._next()
        if after in {"&&", "||"}:
            self._place += 1
            self._lines()
            return str(after)
        if after in {";", "\n"}:
            self._place += 1
            self._lines()
        elif after == "&":
            raise Unreadable("a job in the background")
        return ";"

    def _pipe(self) -> Node:
        negated = self._took("!")
        parts = [self._command()]
        while self._took("|"):
            self._lines()
            parts.append(self._command())
        node = parts[0] if len(parts) == 1 else Pipe(tuple(parts))
        return Negated(node) if negated else node

    def _command(self) -> Node:
        for word, read in (
            ("if", self._if),
            ("while", self._loop),
            ("until", self._loop),
            ("for", self._for),
            ("{", self._group),
            ("(", self._group),
        ):
            if self._next() == word:
                return read()
        return self._simple()

    def _simple(self) -> Node:
        words: list[Word] = []
        quiet = False
        if self._next() in _RESERVED:
            raise Unreadable(f"{self._next()} where a command should be")
        while self.left:
            token = self._tokens[self._place]
            if isinstance(token, Word):
                words.append(token)
                self._place += 1
            elif _REDIRECTION.fullmatch(token):
                quiet = self._redirected() or quiet
            else:
                break
        if not words and not quiet:
            raise Unreadable("a command is missing")
        if self._next() == "(":
            raise Unreadable("a function")
        return Simple(tuple(words), quiet)

    def _redirected(self) -> bool:
        """Read a redirection; tell whether it takes what is written away from the log."""
        match = _REDIRECTION.fullmatch(str(self._tokens[self._place]))
        target = self._tokens[self._place + 1] if self._place + 1 < len(self._tokens) else ""
        if match is None or not isinstance(target, Word):
            raise Unreadable("a redirection to nowhere")
        self._place += 2
        if match[1] not in {"", "1"} or "<" in match[2]:
            return False
        kept = target.text.isdigit() if match[2] == ">&" else target.text.startswith(("/dev/std", "/proc/", "/dev/fd/"))
        return not kept

    def _group(self) -> Node:
        own = self._next() == "("
        self._place += 1
        end = ")" if own else "}"
        part = self.list((end,))
        self._expect(end)
        return Group(part, own, self._trailing())

    def _if(self) -> Node:
        tests: list[tuple[Node, Node]] = []
        otherwise = None
        while self._next() in {"if", "elif"}:
            self._place += 1
            test = self.list(("then",))
            self._expect("then")
            tests.append((test, self.list(("elif", "else", "fi"))))
        if self._took("else"):
            otherwise = self.list(("fi",))
        self._expect("fi")
        return self._whole(Choice(tuple(tests), otherwise))

    def _loop(self) -> Node:
        until = self._next() == "until"
        self._place += 1
        test = self.list(("do",))
        body, may_end = self._body()
        return self._whole(Loop(test, body, until, may_end))

    def _for(self) -> Node:
        self._place += 2
        if not self._took("in"):
            raise Unreadable("a loop over a script's arguments")
        words: list[Word] = []
        while self.left and isinstance(word := self._tokens[self._place], Word):
            words.append(word)
            self._place += 1
        self._joint()
        body, _ = self._body()
        return self._whole(Each(tuple(words), body))

    def _body(self) -> tuple[Node, bool]:
        self._expect("do")
        begun = self._place
        body = self.list(("done",))
        said = self._tokens[begun : self._place]
        self._expect("done")
        return body, any(isinstance(word, Word) and word.text in _WAYS_OUT for word in said)

    def _whole(self, node: Node) -> Node:
        """Give a compound command with the redirections that follow it."""
        return Group(node, own=False, quiet=True) if self._trailing() else node

    def _trailing(self) -> bool:
        quiet = False
        while self.left and isinstance(sign := self._tokens[self._place], str) and _REDIRECTION.fullmatch(sign):
            quiet = self._redirected() or quiet
        return quiet

    def _next(self) -> str:
        """Give the operator that is next, or the word, if it could be a reserved one."""
        token = self._tokens[self._place] if self.left else ""
        if isinstance(token, Word):
            return token.text if not token.quoted and not token.varies else ""
        return token

    def _took(self, sign: str) -> bool:
        found = self.left and self._next() == sign
        self._place += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._took(sign):
            raise Unreadable(f"{sign} is missing")

    def _lines(self) -> None:
        while self.left and self._next() in {"\n", ";"}:
            self._place += 1
