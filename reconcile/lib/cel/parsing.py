"""
CEL's parser: from text to the tree, macros opened.

Takes:    an expression.
Gives:    a Node, and Issues in cel-go's words.
Source:   https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax; cel-go's parser.
Left out: see docs/limits.md, "Custom resources": of a text with several faults the first ones are told.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import attrs

from reconcile.lib.cel.syntax import (
    RESERVED,
    Call,
    Comprehension,
    Issue,
    ListOf,
    Literal,
    MapOf,
    Name,
    Node,
    Select,
    Struct,
)
from reconcile.lib.cel.values import Uint

_DEEPEST: Final = 250
_TOKEN: Final = re.compile(
    r"""
    (?P<skip>\s+|//[^\n]*)
  | (?P<float>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
  | (?P<uint>(?:0x[0-9a-fA-F]+|[0-9]+)[uU])
  | (?P<int>0x[0-9a-fA-F]+|[0-9]+)
  | (?P<text>(?:[rR][bB]?|[bB][rR]?)?(?:\"\"\"(?:\\.|.)*?\"\"\"|'''(?:\\.|.)*?'''))
  | (?P<line>(?P<prefix>[rR][bB]?|[bB][rR]?)?(?P<quote>["'])(?P<body>(?:\\.|(?!(?P=quote))[^\n\\])*)(?P=quote))
  | (?P<name>[_a-zA-Z][_a-zA-Z0-9]*)
  | (?P<escaped>`[a-zA-Z0-9_./ -]+`)
  | (?P<op>==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()\[\]{}])
    """,
    re.VERBOSE | re.DOTALL,
)
_RAW: Final = re.compile(r"""(?P<prefix>[rR][bB]?|[bB][rR]?)(?P<quote>["'])(?P<body>[^\n]*?)(?P=quote)""")
_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\?\"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.?))", re.DOTALL
)
_PLAIN: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_STARTS: Final = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
)
_RELATIONS: Final = ("==", "!=", "<", "<=", ">", ">=", "in")
_LEVELS: Final = (_RELATIONS, ("+", "-"), ("*", "/", "%"))
_HALVES: Final = "&|="
_CLOSING: Final = (")", "]")
_OPENING: Final = ("[", "{", "(", ".", "-", "!")
_CONSTANTS: Final[dict[str, Any]] = {"true": True, "false": False, "null": None}


@attrs.frozen
class _Token:
    kind: str
    text: str
    at: int
    value: Any = None


class _Stopped(Exception):  # noqa: N818 -- it carries no error: the issue is noted already
    """The text cannot be read any further."""


def parse(source: str) -> tuple[Node | None, tuple[Issue, ...]]:
    """Read an expression; None, with issues, if it is none."""
    parser = _Parser(source)
    node: Node | None = None
    try:
        parser.tokens = _tokens(source, parser.issues)
        node = parser.expression()
        parser.finish()
    except _Stopped:
        pass
    except RecursionError:
        parser.issues.append(Issue(0, f"expression recursion limit exceeded: {_DEEPEST}"))
    return (None, tuple(parser.issues)) if parser.issues or node is None else (node, ())


def _tokens(source: str, issues: list[Issue]) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(source):
        found = _TOKEN.match(source, at)
        raw = _RAW.match(source, at)
        if raw and "r" in raw["prefix"].lower():
            # In a raw text a backslash is a letter like any other, but it keeps a quote from ending it.
            found = _TOKEN.match(source, at) or raw
        if found is None:
            # A text without an end reaches as far as its line.
            # What only begins an operator is read up to the letter that does not go on with it.
            end = (source + "\n").index("\n", at) if source[at] in "\"'" else at + 1 + (source[at] in _HALVES)
            issues.append(Issue(at, f"Syntax error: token recognition error at: '{source[at:end]}'"))
            at = end
            continue
        kind = found.lastgroup if found.re is _TOKEN else "line"
        if kind in ("body", "quote", "prefix"):
            kind = "line"
        if kind != "skip":
            tokens.append(_token(str(kind), found[0], at, issues))
        at = found.end()
    tokens.append(_Token("end", "<EOF>", len(source)))
    return tokens


def _token(kind: str, text: str, at: int, issues: list[Issue]) -> _Token:
    match kind:
        case "int" | "uint":
            number = int(text.rstrip("uU"), 0) if text.startswith("0x") else int(text.rstrip("uU"))
            return _Token(kind, text, at, Uint(number) if kind == "uint" else number)
        case "float":
            return _Token(kind, text, at, float(text))
        case "text" | "line":
            return _Token("literal", text, at, _string(text, at, issues))
        case "name" if text in _CONSTANTS or text == "in":
            return _Token("word", text, at)
        case _:
            return _Token(kind, text, at)


def _string(text: str, at: int, issues: list[Issue]) -> Any:
    start = min(place for place in (text.find('"'), text.find("'")) if place >= 0)
    prefix, quoted = text[:start].lower(), text[start:]
    width = 3 if quoted[:3] in ('"""', "'''") and len(quoted) >= 6 else 1  # noqa: PLR2004 -- three quotes, twice
    body = quoted[width:-width]
    as_bytes = "b" in prefix
    if "r" not in prefix:
        wrong = next((found for found in _ESCAPE.finditer(body) if found[6] is not None), None)
        if wrong:
            issues.append(
                Issue(at, f"Syntax error: token recognition error at: '{text[: start + width + wrong.end()]}'")
            )
            return ""
        body = _ESCAPE.sub(_unescaped, body)
    return body.encode() if as_bytes else body


def _unescaped(found: re.Match[str]) -> str:
    if found[1]:
        return _PLAIN.get(found[1], found[1])
    if found[5]:
        return chr(int(found[5], 8))
    return chr(int(found[2] or found[3] or found[4], 16))


def _begins(token: _Token) -> bool:
    """Tell whether an expression may begin with a token."""
    if token.kind == "word":
        return token.text in _CONSTANTS
    return token.kind not in ("end", "escaped") and (token.kind != "op" or token.text in _OPENING)


class _Parser:
    """A recursive descent through the tokens of one text."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens: list[_Token] = []
        self.place = 0
        self.depth = 0
        self.issues: list[Issue] = []

    def peek(self) -> _Token:
        return self.tokens[self.place]

    def take(self) -> _Token:
        token = self.tokens[self.place]
        if token.kind != "end":
            self.place += 1
        return token

    def accept(self, *texts: str) -> _Token | None:
        token = self.peek()
        return self.take() if token.kind in ("op", "word") and token.text in texts else None

    def expect(self, text: str, among: str = "") -> _Token:
        found = self.accept(text)
        if found is None:
            if self.peek().kind == "end" and not among and text in _CLOSING:
                self.issues.append(Issue(self.peek().at, f"Syntax error: missing '{text}' at '<EOF>'"))
                raise _Stopped
            self.mismatch(among or f"'{text}'", lambda after: after.text == text or f"'{after.text}'" in among)
            found = self.accept(text)
            if found is None:
                raise _Stopped
        return found

    def mismatch(self, expected: str, fits: Callable[[_Token], bool]) -> None:
        """Note that a token stands where it cannot: one after which it goes on as it should is passed over."""
        token, after = self.peek(), self.tokens[min(self.place + 1, len(self.tokens) - 1)]
        goes_on = token.kind != "end" and fits(after)
        word = "extraneous" if goes_on else "mismatched"
        self.issues.append(Issue(token.at, f"Syntax error: {word} input '{token.text}' expecting {expected}"))
        if not goes_on:
            raise _Stopped
        self.take()

    def finish(self) -> None:
        if self.peek().kind != "end":
            self.mismatch("<EOF>", lambda after: after.kind == "end")

    def expression(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise RecursionError
        condition = self.disjunction()
        mark = self.accept("?")
        if mark:
            first = self.disjunction()
            self.expect(":")
            condition = Call(mark.at, "_?_:_", None, (condition, first, self.expression()))
        self.depth -= 1
        return condition

    def disjunction(self) -> Node:
        return self.chain("||", "_||_", lambda: self.chain("&&", "_&&_", lambda: self.level(0)))

    def chain(self, operator: str, function: str, below: Callable[[], Node]) -> Node:
        left = below()
        while mark := self.accept(operator):
            left = Call(mark.at, function, None, (left, below()))
        return left

    def level(self, number: int) -> Node:
        if number == len(_LEVELS):
            return self.unary()
        left = self.level(number + 1)
        while mark := self.accept(*_LEVELS[number]):
            function = "@in" if mark.text == "in" else f"_{mark.text}_"
            left = Call(mark.at, function, None, (left, self.level(number + 1)))
        return left

    def unary(self) -> Node:
        for operator, function in (("!", "!_"), ("-", "-_")):
            marks = []
            while mark := self.accept(operator):
                marks.append(mark)
            if not marks:
                continue
            following = self.peek()
            if operator == "-" and following.kind in ("int", "float"):
                # A sign belongs to the number.
                self.tokens[self.place] = attrs.evolve(following, value=-following.value, text="-" + following.text)
                marks.pop()
            node = self.member()
            return Call(marks[0].at, function, None, (node,)) if len(marks) % 2 else node
        return self.member()

    def member(self) -> Node:
        node = self.primary()
        while True:
            dot = self.accept(".")
            if dot:
                selected = self.selected(node, dot)
                if selected is None:
                    return node
                node = selected
                continue
            bracket = self.accept("[")
            if not bracket:
                return node
            optional = self.accept("?")
            index = self.expression()
            self.expect("]")
            node = Call(bracket.at, "_[?_]" if optional else "_[_]", None, (node, index))

    def selected(self, node: Node, dot: _Token) -> Node | None:
        optional = self.accept("?") is not None
        token = self.peek()
        if token.kind not in ("name", "escaped") and token.text != "in":
            if token.kind == "end":
                said = "Syntax error: no viable alternative at input '.'"
            else:
                said = (
                    f"Syntax error: no viable alternative at input '{self.source[dot.at : token.at + len(token.text)]}'"
                )
            self.issues.append(Issue(token.at, said))
            if token.text == ".":
                raise _Stopped
            return None
        self.take()
        field = token.text.strip("`")
        opening = None if optional or token.kind == "escaped" else self.accept("(")
        if opening is None:
            return Select(dot.at, node, field, optional=optional)
        arguments = self.arguments(")")
        return self.opened(opening.at, field, node, arguments)

    def arguments(self, closing: str) -> tuple[Node, ...]:
        found: list[Node] = []
        if self.accept(closing):
            return ()
        while True:
            found.append(self.expression())
            if not self.accept(","):
                break
        self.expect(closing, "{')', ','}" if closing == ")" else "")
        return tuple(found)

    def primary(self) -> Node:
        token = self.peek()
        match token.kind:
            case "int" | "uint" | "float" | "literal":
                self.take()
                if token.kind == "int" and not -(1 << 63) <= token.value < 1 << 63:
                    self.issues.append(Issue(token.at, "invalid int literal"))
                if token.kind == "uint" and token.value >= 1 << 64:
                    self.issues.append(Issue(token.at, "invalid uint literal"))
                return Literal(token.at, token.value)
            case "word" if token.text in _CONSTANTS:
                self.take()
                return Literal(token.at, _CONSTANTS[token.text])
            case "name":
                return self.named(self.take(), "")
            case "op":
                return self.bracketed(token)
            case _:
                return self.none_here()

    def none_here(self, expected: str = _STARTS) -> Node:
        self.mismatch(expected, _begins)
        return self.primary()

    def bracketed(self, token: _Token) -> Node:
        match token.text:
            case "(":
                self.take()
                node = self.expression()
                self.expect(")")
                return node
            case "[":
                self.take()
                return self.listed(token.at)
            case "{":
                self.take()
                return self.mapped(token.at)
            case ".":
                self.take()
                name = self.peek()
                if name.kind != "name":
                    return self.none_here()
                return self.named(self.take(), "")
            case _:
                return self.none_here()

    def named(self, token: _Token, prefix: str) -> Node:
        if token.text in RESERVED:
            self.issues.append(Issue(token.at, f"reserved identifier: {token.text}"))
        opening = self.accept("(")
        if opening:
            return self.opened(opening.at, prefix + token.text, None, self.arguments(")"))
        if self.peek().text == "{" and token.text[0].isupper():
            return self.struct(token.text)
        if token.text[0].isupper() and self._struct_ahead():
            name = token.text
            while self.peek().text == ".":
                self.take()
                name += "." + self.take().text
            return self.struct(name)
        return Name(token.at, token.text)

    def _struct_ahead(self) -> bool:
        place = self.place
        while self.tokens[place].text == "." and self.tokens[place + 1].kind == "name":
            place += 2
        return place > self.place and self.tokens[place].text == "{"

    def struct(self, name: str) -> Node:
        at = self.expect("{").at
        entries: list[tuple[str, Node, bool]] = []
        while not self.accept("}"):
            optional = self.accept("?") is not None
            field = self.take()
            self.expect(":")
            entries.append((field.text.strip("`"), self.expression(), optional))
            if not self.accept(","):
                self.expect("}", "{'}', ','}")
                break
        return Struct(at, name, tuple(entries))

    def listed(self, at: int) -> Node:
        items: list[Node] = []
        optional: list[int] = []
        while not self.accept("]"):
            if self.accept("?"):
                optional.append(len(items))
            items.append(self.expression())
            if not self.accept(","):
                self.expect("]", "{']', ','}")
                break
        return ListOf(at, tuple(items), tuple(optional))

    def mapped(self, at: int) -> Node:
        entries: list[tuple[Node, Node, bool]] = []
        while not self.accept("}"):
            optional = self.accept("?") is not None
            key = self.expression()
            self.expect(":")
            entries.append((key, self.expression(), optional))
            if not self.accept(","):
                self.expect("}", "{'}', ','}")
                break
        return MapOf(at, tuple(entries))

    def opened(self, at: int, function: str, target: Node | None, arguments: tuple[Node, ...]) -> Node:
        """Give a call, or what the macro of its name stands for."""
        count = len(arguments)
        if target is None:
            if function == "has" and count == 1:
                operand = arguments[0]
                if isinstance(operand, Select) and not operand.test:
                    return attrs.evolve(operand, at=at, test=True)
                self.issues.append(Issue(operand.at, "invalid argument to has() macro"))
            return Call(at, function, None, arguments)
        if isinstance(target, Name) and target.name == "cel" and function == "bind" and count == 3:  # noqa: PLR2004 -- name, value, body
            return self.comprehension(at, "bind", arguments[1], arguments[:1], arguments[2:])
        shape = _MACROS.get((function, count))
        if shape is None:
            return Call(at, function, target, arguments)
        kind, variables = shape
        return self.comprehension(at, kind, target, arguments[:variables], arguments[variables:])

    def comprehension(
        self, at: int, kind: str, over: Node, variables: tuple[Node, ...], bodies: tuple[Node, ...]
    ) -> Node:
        names: list[str] = []
        for variable in variables:
            if not isinstance(variable, Name):
                self.issues.append(Issue(variable.at, "argument must be a simple name"))
                continue
            names.append(variable.name)
        if len(set(names)) < len(names):
            self.issues.append(Issue(variables[1].at, f"duplicate variable name: {names[1]}"))
        return Comprehension(at, kind, over, tuple(names), bodies)


# (name, arguments) -> the kind of macro, and how many variables it binds.
_MACROS: Final = {
    ("all", 2): ("all", 1),
    ("exists", 2): ("exists", 1),
    ("exists_one", 2): ("exists_one", 1),
    ("existsOne", 2): ("exists_one", 1),
    ("map", 2): ("map", 1),
    ("map", 3): ("map", 1),
    ("filter", 2): ("filter", 1),
    ("all", 3): ("all", 2),
    ("exists", 3): ("exists", 2),
    ("existsOne", 3): ("exists_one", 2),
    ("exists_one", 3): ("exists_one", 2),
    ("transformList", 3): ("map", 2),
    ("transformList", 4): ("map", 2),
    ("transformMap", 3): ("transformMap", 2),
    ("transformMap", 4): ("transformMap", 2),
    ("transformMapEntry", 3): ("transformMapEntry", 2),
    ("transformMapEntry", 4): ("transformMapEntry", 2),
    ("optMap", 2): ("optMap", 1),
    ("optFlatMap", 2): ("optFlatMap", 1),
    ("sortBy", 2): ("sortBy", 1),
}
