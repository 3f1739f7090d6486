import pytest

from reconcile.components.controllers.workloads.job import indexes


@pytest.mark.parametrize(
    ("text", "completions", "found"),
    [
        ("", 5, ()),
        ("0-2,4", 9, ((0, 2), (4, 4))),
        ("0,1", 9, ((0, 1),)),
        ("3-9", 5, ((3, 4),)),
        ("1,7", 5, ((1, 1),)),
        ("x,1", 5, ((1, 1),)),
    ],
)
def test_read(text, completions, found):
    assert indexes.parsed(text, completions) == found


@pytest.mark.parametrize("text", ["", "3", "0,1", "0-2,4", "0,1,5-9"])
def test_written_as_read(text):
    assert indexes.written(indexes.parsed(text, 100)) == text


def test_both():
    assert indexes.merged(((0, 2), (6, 6)), ((3, 4), (9, 9))) == ((0, 4), (6, 6), (9, 9))
    assert indexes.common(((0, 4), (8, 9)), ((2, 2), (4, 8))) == 3
    assert indexes.missing(((0, 0), (2, 3)), 3, 6) == (1, 4, 5)
    assert indexes.missing((), 2, 1) == (0,)
