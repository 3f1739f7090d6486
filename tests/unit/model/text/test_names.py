"""Names: what is one, and what is said of what is none."""

import pytest

from reconcile.model.text import names


@pytest.mark.parametrize("name", ["a", "a-1", "1a", "a" * 63])
def test_labels(name):
    assert names.label_faults(name) == ()


def test_what_is_said_of_a_bad_label():
    said = (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end"
        " with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is"
        " '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    )
    assert names.label_faults("A") == (said,)
    assert names.label_faults("a" * 64) == ("must be no more than 63 characters",)


@pytest.mark.parametrize(
    ("key", "count"), [("a", 0), ("b.c/a", 0), ("/a", 1), ("a/", 2), ("a/b/c", 1), ("", 2), ("a/" + "b" * 64, 1)]
)
def test_qualified_names(key, count):
    assert len(names.qualified_faults(key)) == count


@pytest.mark.parametrize(("name", "count"), [("http", 0), ("80", 1), ("a--b", 1), ("-a", 1), ("a" * 16, 1), ("A", 2)])
def test_port_names(name, count):
    assert len(names.port_name_faults(name)) == count
