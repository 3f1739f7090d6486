"""Semantic versions, as blang/semver reads and compares them."""

import pytest

from reconcile.model.text.semver import ZERO, Version, parsed


@pytest.mark.parametrize("text", ["", "1", "1.36", "v1.36.0", "1.036.0", "1.36.0-", "1.36.0-01", "1.36.0+", "1.36.0.1"])
def test_what_is_no_version(text):
    assert parsed(text) is None


def test_a_tolerant_reader_takes_what_is_nearly_one():
    assert [parsed(text, tolerant=True) for text in ("v1.36", "1", "01.036.0")] == [
        Version((1, 36, 0)),
        Version((1, 0, 0)),
        Version((1, 36, 0)),
    ]
    assert parsed("one", tolerant=True) is None


def test_versions_in_their_order():
    rising = ["0.0.0", "1.35.9", "1.36.0-alpha", "1.36.0-alpha.1", "1.36.0-alpha.b", "1.36.0-rc.2", "1.36.0", "1.36.3"]
    versions = [parsed(text) for text in rising]
    assert versions == sorted(versions)
    assert versions[0] == ZERO
    assert parsed("1.36.0+one") == parsed("1.36.0+two")
