"""Each user-visible change leaves a fragment whose name says what kind of change it is."""

import re


def test_fragments_are_named_by_kind(root):
    names = sorted(path.name for path in (root / "docs" / "changelog.d").iterdir())
    wrong = [name for name in names if not re.fullmatch(r"[a-z0-9-]+\.(breaking|deprecation|change)\.md", name)]
    assert wrong == []


def test_fragments_say_something(root):
    empty = [path.name for path in (root / "docs" / "changelog.d").iterdir() if not path.read_text("utf-8").strip()]
    assert empty == []
