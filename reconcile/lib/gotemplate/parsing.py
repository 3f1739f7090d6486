"""
Parsing: the text of a template to its tree.

Takes:    text, and the names of the functions that it may call.
Gives:    a Template, or a TemplateError with the line and what stands there.
Source:   https://pkg.go.dev/text/template.
Left out: other delimiters than {{ and }}.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import Any, Final, NamedTuple

from reconcile.lib.gotemplate.builtins import BUILTINS
from reconcile.lib.gotemplate.rendering import LAZY, Template
from reconcile.lib.gotemplate.syntax import (
    Action,
    Branch,
    Chain,
    Command,
    Constant,
    Dot,
    Function,
    Include,
    Leave,
    Node,
    Operand,
    Pipeline,
    Text,
    Variable,
)
from reconcile.lib.gotemplate.values import TemplateError

DEEPEST: Final = 100

_ACTION: Final = re.compile(r"\{\{(?P<left>-(?=[ \t\r\n]))?")
_COMMENT: Final = re.compile(r"\s*/\*.*?\*/(?:[ \t\r\n]+-)?\}\}", re.DOTALL)
_END: Final = re.compile(r"(?:[ \t\r\n]+-)?\}\}")
_TOKEN: Final = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<raw>`[^`]*`)
      | (?P<char>'(?:[^'\\\n]|\\.)+')
      | (?P<number>[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+
          |[0-9][0-9_]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?))
      | (?P<variable>\$\w*)
      | (?P<field>\.[^\W\d]\w*)
      | (?P<mark>:=|[=,|().])
      | (?P<name>[^\W\d]\w*)
    """,
    re.VERBOSE,
)
_WORDS: Final = frozenset({"if", "else", "end", "range", "with", "template", "define", "block", "break", "continue"})
_CONSTANTS: Final = {"true": True, "false": False}
_MOST_VARIABLES: Final = 2  # of a range: what stands where, and what it is


class Token(NamedTuple):
    """A piece of an action: its sort, its text, whether white space stands before it, and its line."""

    sort: str
    text: str
    apart: bool
    line: int


@lru_cache(maxsize=512)
def parsed(text: str, names: frozenset[str] = frozenset()) -> Template:
    """
    Read a template.

    Args:
        text: what it says.
        names: the functions beside the language's own that it may call.

    Raises:
        TemplateError: it cannot be read; the line and what stands there are shown.
    """
    reading = _Reading(_pieces(text), names)
    body = reading.body(("",))
    return Template(body, tuple(reading.defined.items()))


def _pieces(text: str) -> list[str | tuple[Token, ...]]:
    """Give the texts and the actions of a template, one after the other."""
    found: list[str | tuple[Token, ...]] = []
    at, trims = 0, False
    while True:
        match = _ACTION.search(text, at)
        plain = text[at : match.start() if match else len(text)]
        plain = plain.lstrip(" \t\r\n") if trims else plain
        if match is None:
            return [*found, plain] if plain else found
        plain = plain.rstrip(" \t\r\n") if match["left"] else plain
        if plain:
            found.append(plain)
        comment = _COMMENT.match(text, match.end())
        if comment is not None:
            at = comment.end()
        else:
            tokens, at = _tokens(text, match.end())
            found.append(tokens)
        trims = text[:at].endswith("-}}")


def _tokens(text: str, at: int) -> tuple[tuple[Token, ...], int]:
    found: list[Token] = []
    line, apart = text.count("\n", 0, at) + 1, True
    while True:
        end = _END.match(text, at)
        if end is not None:
            return tuple(found) or (Token("", "", apart=True, line=line),), end.end()
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            said = "unclosed action" if at >= len(text) else f"unexpected {text[at : at + 10]!r} in action"
            raise TemplateError(f"template: line {line}: {said}")
        at = match.end()
        if match.lastgroup == "space":
            line, apart = line + match[0].count("\n"), True
            continue
        found.append(Token(match.lastgroup, match[0], apart, line))
        apart = False


class _Reading:
    """A template that is being read."""

    def __init__(self, pieces: list[str | tuple[Token, ...]], names: frozenset[str]) -> None:
        self._pieces = pieces
        self._place = 0
        self._names = names
        self._scopes: list[list[str]] = [["$"]]
        self._loops = 0
        self._depth = 0
        self.defined: dict[str, tuple[Node, ...]] = {}
        self.ended: tuple[Token, ...] = ()

    def body(self, ends: tuple[str, ...]) -> tuple[Node, ...]:
        """Read up to an action that begins with one of *ends*, which is kept; the empty one is the text's end."""
        found: list[Node] = []
        self._depth += 1
        while self._place < len(self._pieces):
            piece = self._pieces[self._place]
            self._place += 1
            if isinstance(piece, str):
                found.append(Text(piece))
                continue
            word = piece[0].text if piece[0].sort == "name" else ""
            if word in ("end", "else"):
                if word not in ends:
                    raise _wrong(piece[0], f"unexpected {{{{{word}}}}}")
                self.ended = piece
                self._depth -= 1
                return tuple(found)
            if self._depth > DEEPEST:
                raise _wrong(piece[0], f"nested deeper than {DEEPEST} levels")
            node = self._action(word, piece)
            if node is not None:
                found.append(node)
        if "" not in ends:
            raise TemplateError("template: unexpected EOF: an {{end}} is missing")
        self._depth -= 1
        return tuple(found)

    def _action(self, word: str, tokens: tuple[Token, ...]) -> Node | None:
        line = tokens[0].line
        if word in ("if", "with", "range"):
            return self._branch(word, _Tokens(tokens[1:], line))
        if word in ("break", "continue"):
            if not self._loops:
                raise _wrong(tokens[0], f"{{{{{word}}}}} outside {{{{range}}}}")
            return Leave(word, line)
        if word == "template":
            name, rest = self._named(word, tokens)
            pipeline = self._pipeline(rest) if rest.more() else None
            return Include(name, pipeline, line)
        if word in ("define", "block"):
            return self._definition(word, tokens)
        if not tokens[0].sort:
            raise _wrong(tokens[0], "missing value for command")
        return Action(self._pipeline(_Tokens(tokens, line), declares=True), line)

    def _definition(self, word: str, tokens: tuple[Token, ...]) -> Node | None:
        name, rest = self._named(word, tokens)
        pipeline = self._pipeline(rest) if word == "block" else None
        if rest.more():
            raise _wrong(rest.next(), f"unexpected {rest.text!r} in {word} clause")
        scopes, loops = self._scopes, self._loops
        self._scopes, self._loops = [["$"]], 0
        self.defined[name] = self.body(("end",))
        self._scopes, self._loops = scopes, loops
        return Include(name, pipeline, tokens[0].line) if word == "block" else None

    def _named(self, word: str, tokens: tuple[Token, ...]) -> tuple[str, _Tokens]:
        if len(tokens) < 2 or tokens[1].sort not in ("string", "raw"):  # noqa: PLR2004 -- the word and the name
            raise _wrong(tokens[0], f"{word} needs the name of a template, in quotation marks")
        return _unquoted(tokens[1]), _Tokens(tokens[2:], tokens[0].line)

    def _branch(self, word: str, tokens: _Tokens) -> Branch:
        self._scopes.append([])
        pipeline = self._pipeline(tokens, declares=True, ranges=word == "range")
        self._loops += word == "range"
        self._scopes.append([])
        body = self.body(("end", "else"))
        self._scopes.pop()
        self._loops -= word == "range"
        otherwise: tuple[Node, ...] = ()
        if self.ended[0].text == "else":
            rest = self.ended[1:]
            if rest:
                if rest[0].text != word or word == "range":
                    raise _wrong(rest[0], f"unexpected {rest[0].text!r} after else")
                otherwise = (self._branch(word, _Tokens(rest[1:], rest[0].line)),)
            else:
                self._scopes.append([])
                otherwise = self.body(("end",))
                self._scopes.pop()
        self._scopes.pop()
        return Branch(word, pipeline, body, otherwise, tokens.line)

    def _pipeline(self, tokens: _Tokens, *, declares: bool = False, ranges: bool = False) -> Pipeline:
        names, assigns = self._declared(tokens, ranges=ranges) if declares else ((), False)
        commands = [self._command(tokens)]
        while tokens.text == "|":
            tokens.next()
            commands.append(self._command(tokens))
            if not isinstance(commands[-1].operands[0], (Function, Dot, Variable, Chain)):
                raise TemplateError(
                    f"template: line {tokens.line}: non executable command in pipeline stage {len(commands)}"
                )
        if not assigns:
            self._scopes[-1] += names
        return Pipeline(tuple(commands), names, assigns)

    def _declared(self, tokens: _Tokens, *, ranges: bool) -> tuple[tuple[str, ...], bool]:
        """Read the variables that a pipeline's value is given to."""
        mark, names = tokens.place, []
        while tokens.sort == "variable":
            names.append(tokens.next().text)
            if tokens.text == "," and ranges and len(names) < _MOST_VARIABLES:
                tokens.next()
                continue
            if tokens.text in (":=", "="):
                assigns = tokens.next().text == "="
                for name in names if assigns else ():
                    self._known(name, tokens.line)
                return tuple(names), assigns
            break
        tokens.place = mark
        return (), False

    def _known(self, name: str, line: int) -> None:
        if not any(name in scope for scope in self._scopes):
            raise TemplateError(f"template: line {line}: undefined variable {name!r}")

    def _command(self, tokens: _Tokens) -> Command:
        operands: list[Operand] = []
        while tokens.more() and tokens.text not in ("|", ")"):
            token = tokens.peek()
            if operands and not token.apart:
                raise _wrong(token, f"unexpected {token.text!r} in operand")
            operands.append(self._operand(tokens))
        if not operands:
            raise TemplateError(f"template: line {tokens.line}: missing value for command")
        if len(operands) == 1 and operands[0] == Constant(None):
            raise TemplateError(f"template: line {tokens.line}: nil is not a command")
        return Command(tuple(operands))

    def _operand(self, tokens: _Tokens) -> Operand:
        token = tokens.next()
        if token.sort == "field":
            return Dot((token.text[1:], *tokens.fields()))
        if token.sort == "variable":
            self._known(token.text, token.line)
            return Variable(token.text, tokens.fields())
        if token.sort == "name":
            return self._word(token)
        if token.text == "(":
            pipeline = self._pipeline(tokens)
            if tokens.text != ")":
                raise TemplateError(f"template: line {token.line}: unclosed left paren")
            tokens.next()
            fields = tokens.fields()
            return Chain(pipeline, fields) if fields else pipeline
        if token.text == ".":
            return Dot()
        return Constant(_constant(token))

    def _word(self, token: Token) -> Operand:
        if token.text in _CONSTANTS:
            return Constant(_CONSTANTS[token.text])
        if token.text == "nil":
            return Constant(None)
        if token.text in _WORDS:
            raise _wrong(token, f"unexpected <{token.text}> in operand")
        if token.text not in self._names and token.text not in BUILTINS and token.text not in LAZY:
            raise _wrong(token, f"function {token.text!r} not defined")
        return Function(token.text)


class _Tokens:
    """The pieces of one action, from the next one on."""

    def __init__(self, tokens: tuple[Token, ...], line: int) -> None:
        self._tokens = tokens
        self.place = 0
        self.line = line

    def more(self) -> bool:
        return self.place < len(self._tokens)

    @property
    def text(self) -> str:
        return self._tokens[self.place].text if self.more() and self.sort == "mark" else ""

    @property
    def sort(self) -> str:
        return self._tokens[self.place].sort if self.more() else ""

    def peek(self) -> Token:
        return self._tokens[self.place]

    def next(self) -> Token:
        if not self.more():
            raise TemplateError(f"template: line {self.line}: missing value for command")
        self.place += 1
        return self._tokens[self.place - 1]

    def fields(self) -> tuple[str, ...]:
        """Read the fields that follow an operand without white space between."""
        found: list[str] = []
        while self.sort == "field" and not self.peek().apart:
            found.append(self.next().text[1:])
        return tuple(found)


def _constant(token: Token) -> Any:
    if token.sort in ("string", "raw"):
        return _unquoted(token)
    if token.sort == "char":
        return ord(_unquoted(token))
    if token.sort == "number":
        digits = token.text.replace("_", "")
        try:
            old = re.fullmatch(r"([+-]?)0([0-7]+)", digits)
            return int(f"{old[1]}0o{old[2]}", 0) if old else int(digits, 0)
        except ValueError:
            return float(digits)
    raise _wrong(token, f"unexpected {token.text!r} in operand")


def _unquoted(token: Token) -> str:
    if token.sort == "raw":
        return token.text[1:-1]
    try:
        return str(ast.literal_eval(token.text))  # the escapes of Go's strings are Python's
    except (SyntaxError, ValueError):
        raise _wrong(token, f"bad string {token.text}") from None


def _wrong(token: Token, said: str) -> TemplateError:
    return TemplateError(f"template: line {token.line}: {said}")
