"""
Laws 1 and 2 as far as a reader of the source can tell: below adapters no I/O, no module state, no order from a hash.

What is imported is import-linter's business (test_layers.py); this looks at what needs no import.
"""

import ast
from pathlib import PurePath

import pytest

IMPURE = {"breakpoint", "compile", "eval", "exec", "input", "open", "print"}
UNSTABLE = {"hash": "PYTHONHASHSEED changes it", "id": "an address differs from run to run"}
MUTABLE_CALLS = {"bytearray", "Counter", "defaultdict", "deque", "dict", "list", "OrderedDict", "set"}
MUTABLE_LITERALS = (ast.Dict, ast.DictComp, ast.List, ast.ListComp, ast.Set, ast.SetComp)
CHANGES = {
    *("add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft"),
    *("remove", "reverse", "setdefault", "sort", "update"),
}
ORDERING_CALLS = {"enumerate", "iter", "list", "map", "next", "reversed", "tuple", "zip"}

# path::name or path::call, and why it is no breach.
ALLOWED = {
    "reconcile/lib/quick.py::exec": "writes constructors from the fields of our own classes, as attrs does",
}


def test_below_adapters_everything_is_pure(root, modules):
    found = []
    for path, text in modules.items():
        where = path.relative_to(root)
        if where.parts[:2] != ("reconcile", "adapters") and where.parts[0] == "reconcile":
            found += [f"{where.as_posix()}:{line}: {what}" for line, what in breaches(where, ast.parse(text))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "print(1)",
        "def f(path):\n    return open(path)",
        "seen = {}",
        "seen: dict[str, int] = dict()",
        "SEEN = {}",
        "SEEN = {'a': 1}\ndef f(name):\n    SEEN[name] = 1",
        "SEEN = ['a']\ndef f(name):\n    SEEN.append(name)",
        "count = 0\ndef f():\n    global count\n    count += 1",
        "from reconcile.lib import *",
        "for each in {1, 2}:\n    pass",
        "names = [each for each in {'a', 'b'}]",
        "def f(names):\n    for each in set(names):\n        pass",
        "def f(names):\n    return tuple(set(names))",
        "def f(names):\n    return ','.join({*names})",
        "def f(value):\n    return hash(value)",
    ],
)
def test_rule_finds(source):
    assert breaches(PurePath("reconcile/lib/x.py"), ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "PORTS = {'http': 80}\ndef f(name):\n    return PORTS[name]",
        "NAMES: Final = ('a', 'b')",
        "__all__ = ['step']",
        "def f(names):\n    return sorted(set(names))",
        "def f():\n    seen = {}\n    return seen",
        "def f(name, names):\n    return name in {*names}",
        "class A:\n    def __hash__(self):\n        return hash(self.text)",
    ],
)
def test_rule_passes(source):
    assert breaches(PurePath("reconcile/lib/x.py"), ast.parse(source)) == []


def breaches(where, tree):
    """Return (line, what) of everything in *tree* that breaks the rule, unless it is allowed at *where*."""
    found = [*_module_state(tree), *_calls(tree), *_orders(tree), *_others(tree)]
    return [(line, what) for line, name, what in found if f"{where.as_posix()}::{name}" not in ALLOWED]


def _module_state(tree):
    # A constant table is written as a dict in capitals and stays as it is; what begins empty is there to be changed.
    changed = set(_changed(tree))
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
                pass
            case _:
                continue
        empty = not any(getattr(value, part, None) for part in ("keys", "elts", "generators", "args"))
        if name != "__all__" and _is_mutable(value) and (empty or name in changed or not name.isupper()):
            yield node.lineno, name, f"{name} is module state: make it a constant table, or part of a State"


def _changed(tree):
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                yield name
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)) if attr in CHANGES:
                yield name
            case ast.AugAssign(target=ast.Name(id=name)):
                yield name


def _calls(tree):
    inside_hash = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name == "__hash__"
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            if name in IMPURE:
                yield node.lineno, name, f"{name}() below adapters"
            if name in UNSTABLE and id(node) not in inside_hash:
                yield node.lineno, name, f"{name}(): {UNSTABLE[name]}"


def _orders(tree):
    for node in ast.walk(tree):
        match node:
            case ast.For(iter=source) | ast.comprehension(iter=source) | ast.Starred(value=source):
                ordered = [source]
            case ast.Call(func=ast.Name(id=name), args=ordered) if name in ORDERING_CALLS:
                pass
            case ast.Call(func=ast.Attribute(attr="join"), args=ordered):
                pass
            case _:
                continue
        if any(map(_is_set, ordered)):
            line = ordered[0].lineno
            yield line, "set", "an order taken from a set: sort it"


def _others(tree):
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                yield node.lineno, "*", "import *"
            case ast.Global(names=names):
                yield node.lineno, names[0], f"global {names[0]}: module state"


def _is_mutable(value):
    if isinstance(value, ast.Call):
        return (getattr(value.func, "id", None) or getattr(value.func, "attr", None)) in MUTABLE_CALLS
    return isinstance(value, MUTABLE_LITERALS)


def _is_set(node):
    return isinstance(node, ast.Set | ast.SetComp) or (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"set", "frozenset"}
    )
