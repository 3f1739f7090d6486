"""
Every example in README.md and docs/ runs.

The ```python blocks of a file run in one fresh namespace, in order. Of each ```console block every `$ ...` line runs;
the lines below it, if any, are what it prints, `...` standing for anything, and `# exits N` at its end what it exits
with. Both run in a temporary copy of docs/, so a file that one block writes the next may read. A ```yaml block is a
scenario. A ```javascript block is a program of its own, and prints what the ```text block below it says. A block after
`<!-- not run: reason -->` is not run. There are no others but README's ```sh, which `.ci/run` runs, and ```text, which
is only looked at.
"""

import contextlib
import doctest
import io
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from typing import NamedTuple

import pytest

from reconcile.adapters.manifests import read_text
from reconcile.driver.script.commands import parse

_BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+?) -->\n\n?)?```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
# What a block has in it that comes with an extra.
_EXTRAS = {
    "cli": re.compile(r"^\$ .*\breconcile |^from reconcile\.adapters\.(?:cli|manifests)\b", re.MULTILINE),
    "testing": re.compile(r"^(?:from|import) (?:hypothesis|pytest|reconcile\.testing)\b", re.MULTILINE),
}
_SHELL = "from reconcile.adapters.cli import main; main()"


class _Block(NamedTuple):
    path: str
    line: int
    language: str
    text: str
    reason: str | None


def pytest_generate_tests(metafunc):
    root = metafunc.config.rootpath
    paths = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    blocks = {path.relative_to(root).as_posix(): _blocks(path, root) for path in paths}
    if "blocks" in metafunc.fixturenames:
        found = {path: [block for block in each if block.reason is None] for path, each in blocks.items()}
        metafunc.parametrize("blocks", [pytest.param(each, id=path) for path, each in found.items() if each])
    if "left_out" in metafunc.fixturenames:
        found = [block for each in blocks.values() for block in each if block.reason is not None]
        params = [pytest.param(block, id=f"{block.path}:{block.line}") for block in found]
        metafunc.parametrize("left_out", params or [pytest.param(None, id="none")])


@pytest.fixture
def desk(root, tmp_path, monkeypatch):
    """A directory with a copy of docs/ and a `reconcile` on the path that is this tree's."""
    shutil.copytree(root / "docs", tmp_path / "docs")
    command = tmp_path / "bin" / "reconcile"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{_SHELL}" "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("desk")
def test_examples_run(blocks):
    namespace = {"__name__": "__main__"}
    for block in blocks:
        if block.language == "python":
            # Blank lines put the example where it stands in its file, for the traceback.
            code = compile("\n" * block.line + block.text, block.path, "exec")
            with contextlib.redirect_stdout(io.StringIO()):
                exec(code, namespace)
        elif block.language == "console":
            commands = _commands(block.text)
            assert commands, f"{block.path}:{block.line}: no line begins with $"
            for command, exits, expected in commands:
                _play(block, command, exits, expected)
        elif block.language == "javascript":
            pass  # see below: it is skipped where there is no node
        elif block.language == "yaml":
            (manifest,) = read_text(block.text, block.path)
            assert parse(manifest.content)
        else:
            assert block.language == ("sh" if block.path == "README.md" else "text"), f"{block.path}:{block.line}"


@pytest.mark.usefixtures("desk")
def test_javascript_examples_run(blocks, tmp_path):
    programs = [place for place, block in enumerate(blocks) if block.language == "javascript"]
    node = shutil.which("node")
    if programs and node is None:
        pytest.skip(f"{blocks[programs[0]].path}: its JavaScript is not run: there is no node on the path")
    for place in programs:
        block, expected = blocks[place], blocks[place + 1]
        assert expected.language == "text", f"{block.path}:{block.line}: a block of text has to say what it prints"
        (tmp_path / "example.js").write_text(block.text, encoding="utf-8")
        ended = subprocess.run([node, "example.js"], capture_output=True, text=True, check=False, timeout=60)
        said = f"{block.path}:{block.line}:\n{ended.stdout}{ended.stderr}"
        assert ended.returncode == 0, said
        assert doctest.OutputChecker().check_output(expected.text, ended.stdout, doctest.ELLIPSIS), said


def test_every_fence_belongs_to_a_block(root):
    for path in (root / "README.md", *sorted((root / "docs").rglob("*.md"))):
        fences = re.findall(r"^\s*(?:```|~~~)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(fences) == 2 * len(_blocks(path, root)), path


def test_left_out_example_says_why(left_out):
    if left_out is not None:
        pytest.skip(f"{left_out.path}:{left_out.line} is not run: {left_out.reason}")


def test_each_page_says_what_its_blocks_need(blocks, root):
    """ "Needs: ...", or README's own words, stands before the first block that runs, and names the extras."""
    run = [block for block in blocks if block.language in ("python", "console")]
    if not run:
        pytest.skip("nothing of this page runs but scenarios")
    text = (root / run[0].path).read_text(encoding="utf-8")
    head = "\n".join(text.splitlines()[: run[0].line])
    said = " ".join(re.findall(r"(?:\bNeeds: |The blocks of Python below need )(?:.+\n)+", head + "\n"))
    assert said, f"{run[0].path}: nothing says what its blocks need"
    needed = {extra for block in run for extra, words in _EXTRAS.items() if words.search(block.text)}
    assert {extra for extra in needed if f"[{extra}]" not in said} == set()


def test_blocks_and_commands_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "Text.\n\n```python\nx = 1\n```\n\n<!-- not run: slow -->\n```console\n$ a\n```\n\n"
        "```console\n$ b  # exits 2\nsaid\n$ c\n```\n",
        encoding="utf-8",
    )
    blocks = _blocks(page, tmp_path)
    assert [(block.line, block.language, block.reason) for block in blocks] == [
        (3, "python", None),
        (8, "console", "slow"),
        (12, "console", None),
    ]
    assert _commands(blocks[2].text) == [("b", 2, "said\n"), ("c", 0, "")]


def _blocks(path, root):
    text = path.read_text(encoding="utf-8")
    return [
        _Block(
            path.relative_to(root).as_posix(),
            text.count("\n", 0, found.start("language")) + 1,
            found["language"],
            found["text"],
            found["reason"],
        )
        for found in _BLOCK.finditer(text)
    ]


def _commands(text):
    """Return (command, exit status, output) of each command in the *text* of a console block."""
    commands = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        command, _, exits = line.partition("  # exits ")
        commands.append((command, int(exits or 0), output))
    return commands


def _play(block, command, exits, expected):
    if find_spec("yaml") is None or find_spec("click") is None:
        pytest.skip("the command line comes with the extra 'cli'")
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    said = f"{block.path}:{block.line}: $ {command}\n{ended.stdout}{ended.stderr}"
    assert ended.returncode == exits, f"exit status {ended.returncode}: {said}"
    if expected:
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        assert doctest.OutputChecker().check_output(expected, ended.stdout, flags), said
