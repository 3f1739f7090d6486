"""`reconcile` offers at most thirty names, each explained, and costs nothing to import."""

import ast
import inspect
import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

import reconcile

_EXPORTED = [name for name in reconcile.__all__ if not name.startswith("__")]


def test_names_are_few_sorted_and_unique():
    assert len(reconcile.__all__) <= 30
    assert reconcile.__all__ == sorted(set(reconcile.__all__))


def test_every_name_has_a_home_and_a_type(root):
    assert sorted(reconcile._HOMES) == reconcile.__all__
    tree = ast.parse((root / "reconcile" / "__init__.py").read_text(encoding="utf-8"))
    typed = {
        alias.asname or alias.name: node.module
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If)
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == reconcile._HOMES


@pytest.mark.parametrize("name", _EXPORTED)
def test_name_has_a_docstring(name):
    home = reconcile._HOMES[name]
    found = find_spec(home)
    if found is None or found.origin is None:  # a folder without __init__.py has no origin
        pytest.skip(f"{home} is not there yet")
    value = getattr(reconcile, name)
    if inspect.isclass(value) or callable(value):
        assert value.__doc__, f"{name} of {home} has no docstring"


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = reconcile.nothing


def test_package_has_no_code_besides_lazy_exports(root):
    tree = ast.parse((root / "reconcile" / "__init__.py").read_text(encoding="utf-8"))
    functions = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert functions == ["__getattr__", "__dir__"]
    targets = [target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    assert targets == ["__all__", "_HOMES"]


def test_import_loads_no_other_module_of_ours_and_no_dependency(root):
    listed = subprocess.run(
        [sys.executable, "-c", "import sys, reconcile; print(*sorted(sys.modules))"],
        check=True,
        capture_output=True,
        text=True,
        cwd=root,
    ).stdout.split()
    ours = [name for name in listed if name.startswith("reconcile.")]
    heavy = [name for name in listed if name in {"attrs", "attr", "cattrs", "jsonschema", "pyrsistent", "yaml", "rich"}]
    assert (ours, heavy) == ([], [])


def test_examples_import_public_names(root):
    imports = re.compile(r"^\s*(?:from|import) (reconcile[\w.]*(?: import [^\n]*)?)", re.MULTILINE)
    paths = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    found = [(path.name, what) for path in paths for what in imports.findall(path.read_text(encoding="utf-8"))]
    assert found
    assert [(name, what) for name, what in found if re.search(r"(?<!\w)_(?!_)", what)] == []
