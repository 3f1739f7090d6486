"""Every golden scenario prints what its file says; `pytest --rewrite` writes what it prints."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from reconcile.adapters.manifests import read_text
from reconcile.adapters.own import load_own
from reconcile.testing.blocks import read
from reconcile.testing.scenarios import VIOLATION, Scenario

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*/*.txt"))


def documents(text: str) -> tuple[Any, ...]:
    return tuple(manifest.content for manifest in read_text(text, "scenario")) if text.strip() else ()


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(HERE)) for path in FILES])
def test_scenario(path: Path, request: pytest.FixtureRequest) -> None:
    blocks = read(path.read_text())
    scenario = Scenario(documents, find=lambda word: load_own((word,)))
    played = []
    for block in blocks:
        output = scenario.play(block)
        assert VIOLATION not in output or VIOLATION in block.output, f"{path.name}: {block.command}\n{output}"
        played.append(attrs.evolve(block, output=output).text())
    text = "\n\n".join(played) + "\n"
    if request.config.getoption("--rewrite"):
        path.write_text(text)
    assert text == path.read_text(), f"{path} tells another story; pytest --rewrite writes it anew"


def test_there_are_scenarios() -> None:
    assert FILES
    assert all(len(path.read_text().splitlines()) <= 120 for path in FILES), "a scenario has at most 120 lines"
