"""The suite is red because of a change, never by chance: only soaks draw at random."""

import ast

import pytest
from hypothesis import settings


@pytest.mark.parametrize(("profile", "derandomized"), [("dev", True), ("ci", True), ("soak", False)])
def test_only_soaks_draw_at_random(profile, derandomized):
    assert settings.get_profile(profile).derandomize is derandomized


def test_no_test_decides_for_itself_whether_it_draws_at_random(root):
    """Settings of a test's own leave that to the profile; none fixes it a seed, nor draws elsewhere without one."""
    found = []
    for path in sorted((root / "tests").rglob("*.py")):
        if path == root / "tests" / "conftest.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found += [f"{path.relative_to(root)}:{node.lineno}: {word}" for word in _draws(node)]
    assert found == []


def _draws(node):
    match node:
        case ast.Call(func=ast.Attribute(attr="Random"), args=[]):
            return ["Random without a seed"]
        case ast.Call(keywords=keywords):
            return [word.arg for word in keywords if word.arg in ("derandomize", "use_true_random")]
        case ast.ImportFrom(module="hypothesis", names=names):
            return [each.name for each in names if each.name == "seed"]
        case ast.ImportFrom(module="random" | "secrets" as module):
            return [module]
        case ast.Attribute(value=ast.Name(id="random"), attr=name) if name != "Random":
            return [f"random.{name}"]
        case _:
            return []
