"""Formats of texts in schemas."""

import pytest

from reconcile.model.text import formats


@pytest.mark.parametrize(
    ("name", "text", "fits"),
    [
        ("k8s-short-name", "a-1", True),
        ("k8s-short-name", "A", False),
        ("k8s-short-name", "a.b", False),
        ("k8s-long-name", "a.b", True),
        ("k8s-long-name", "a_b", False),
        ("bogus", "anything", True),
    ],
)
def test_names_of_kubernetes_are_formats(name, text, fits):
    assert formats.fits(name, text) is fits
