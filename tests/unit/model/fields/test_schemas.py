"""Shapes from schemas: where fields that nobody knows are kept."""

from reconcile.model.fields.schemas import shape_of_schema
from reconcile.model.fields.typed import fields_in

KEPT = {"x-kubernetes-preserve-unknown-fields": True}


def schema(**spec):
    return {"type": "object", "properties": {"spec": {"type": "object", **spec}}}


def test_what_keeps_unknown_fields_keeps_them_below():
    inner = {"type": "object", "properties": {"s": {"type": "integer"}}}
    spec = shape_of_schema(schema(properties={"r": inner}, **KEPT)).of("spec")
    assert not spec.of("r").declared
    assert "f:t" in fields_in(spec, {"r": {"t": 2}})["f:r"]
    assert shape_of_schema(schema(properties={"r": inner})).of("spec").of("r").declared


def test_an_object_of_which_nothing_is_said_is_free():
    assert not shape_of_schema(schema()).of("spec").declared
