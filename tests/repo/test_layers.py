"""The layers hold, and the picture of them in docs/ is drawn from the contract."""

import runpy
import tomllib

import pytest


def test_import_contracts_are_kept(root, monkeypatch, capsys):
    pytest.importorskip("importlinter", reason="import-linter comes with the extra 'dev'")
    from importlinter.application.use_cases import lint_imports
    from importlinter.configuration import configure

    monkeypatch.chdir(root)
    configure()
    kept = lint_imports(config_filename="pyproject.toml", cache_dir=None, no_logo=True)
    assert kept, capsys.readouterr().out


def test_diagram_shows_the_contract(root):
    drawing = runpy.run_path(str(root / "docs" / "architecture.py"))
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    drawn = drawing["svg"](drawing["layers"](settings))
    shown = (root / "docs" / "architecture.svg").read_text(encoding="utf-8")
    assert drawn == shown, "docs/architecture.svg is not up to date: run `python docs/architecture.py`"


def test_every_layer_of_the_diagram_says_what_it_knows(root):
    drawing = runpy.run_path(str(root / "docs" / "architecture.py"))
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    names = [name for layer in drawing["layers"](settings) for name in layer]
    assert sorted(names) == sorted(drawing["WORDS"])
