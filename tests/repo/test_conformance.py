"""The page of conformance names tests that are there."""

import re

_ROW = re.compile(r"^\| .+ \| \[`(test_\w+)`\]\(\.\./\.\./(tests/[\w/]+\.py)\) \|$", re.MULTILINE)


def test_every_row_names_a_test_that_is_there(root):
    page = (root / "docs/reference/conformance.md").read_text(encoding="utf-8")
    rows = _ROW.findall(page)
    assert len(rows) == page.count("| [`") > 40
    gone = [f"{path}: {name}" for name, path in rows if f"def {name}(" not in (root / path).read_text(encoding="utf-8")]
    assert gone == []
