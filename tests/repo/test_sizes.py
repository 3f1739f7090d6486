"""
A module has about 400 lines, a function about 30.

The limits here are where "about" ends. Past them a component becomes a package. Generated code is exempt.
"""

import ast

MODULE_LINES = 500
FUNCTION_LINES = 60

# A path, or path::function, and why it may be longer.
LONGER: dict[str, str] = {}


def test_modules_are_short(root, modules):
    long = {
        path.relative_to(root).as_posix(): len(text.splitlines())
        for path, text in modules.items()
        if len(text.splitlines()) > MODULE_LINES
    }
    assert {path: lines for path, lines in long.items() if path not in LONGER} == {}


def test_functions_are_short(root, modules):
    long = {}
    for path, text in modules.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _lines(node) > FUNCTION_LINES:
                long[f"{path.relative_to(root).as_posix()}::{node.name}"] = _lines(node)
    assert {name: lines for name, lines in long.items() if name not in LONGER} == {}


def test_exceptions_are_still_needed_and_have_a_reason(root):
    for name, reason in LONGER.items():
        path, _, function = name.partition("::")
        text = (root / path).read_text(encoding="utf-8")
        nodes = [node for node in ast.walk(ast.parse(text)) if function and getattr(node, "name", None) == function]
        lines = max(map(_lines, nodes)) if function else len(text.splitlines())
        assert lines > (FUNCTION_LINES if function else MODULE_LINES), f"{name} is short enough now"
        assert reason


def _lines(node):
    # From `def`, without the docstring: explaining is not a reason to split.
    docstring = ast.get_docstring(node, clean=False)
    explained = docstring.count("\n") + 1 if docstring else 0
    return node.end_lineno - node.lineno + 1 - explained
