"""Columns: every kind that is served has them, and as many cells."""

import pytest

from reconcile.api import convert, kinds, meta_v1, zeros
from reconcile.lib.instant import SECOND
from reconcile.lib.replacing import replace
from reconcile.model.printing import has_printer, scale_shape, shape_of
from reconcile.model.printing.columns import AGE, COLUMNS, CREATED_AT, NAME

NOW = 1_767_225_600 * SECOND
LISTED = [each for each in kinds.all_resources() if "list" in each.verbs]


@pytest.mark.parametrize("resource", LISTED, ids=lambda each: f"{each.key}.{each.version}")
def test_an_object_that_says_nothing_has_a_row(resource):
    # A bookmark is such an object.
    empty = replace(zeros.hollow(resource.object_class), metadata=meta_v1.ObjectMeta(resource_version="1"))
    shape = shape_of(resource.key)
    cells = shape.typed(empty, NOW)
    assert all(isinstance(cell, (str, int)) for cell in cells)
    assert len(cells) == len(shape.columns) + (resource.key == "ipaddresses.networking.k8s.io")
    assert len(shape.row(empty, NOW, wide=True)) == len(shape.headings(wide=True)) == len(shape.columns)
    assert all("None" not in str(cell) for cell in cells)


@pytest.mark.parametrize("resource", LISTED, ids=lambda each: f"{each.key}.{each.version}")
def test_numbers_and_truths_are_such(resource):
    empty = replace(zeros.hollow(resource.object_class), metadata=meta_v1.ObjectMeta(resource_version="1"))
    shape = shape_of(resource.key)
    for column, cell in zip(shape.columns, shape.typed(empty, NOW), strict=False):
        if column.type == "integer":
            assert type(cell) is int, column
        if column.type == "boolean" and column.name != "Suspend":
            # Upstream's CronJob says it in words.
            assert type(cell) is bool, column


def test_columns_say_what_they_show():
    for columns in COLUMNS.values():
        assert all(column.name and column.priority in (0, 1) for column in columns)
        assert sum(column.format == "name" for column in columns) >= 1
    assert (NAME.format, AGE.type, CREATED_AT.type) == ("name", "string", "date")


def test_who_has_no_printer_shows_when_it_was_made():
    assert not has_printer("csistoragecapacities.storage.k8s.io")
    shape = shape_of("csistoragecapacities.storage.k8s.io")
    assert [column.name for column in shape.columns] == ["Name", "Created At"]
    assert shape_of("toys.example.com").headings(wide=False) == ("NAME", "AGE")


def test_a_scale_shows_how_many():
    scale = convert.load(
        {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {"name": "web"},
            "spec": {"replicas": 3},
            "status": {"replicas": 2},
        }
    ).object
    assert scale_shape().typed(scale, NOW) == ["web", 3, 2, "<unknown>"]
