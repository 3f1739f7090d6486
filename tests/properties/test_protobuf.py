"""For every kind: what is written in protobuf is read back as what was written, and is what JSON would have been."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconcile.api import golang, gotypes, kinds, protobuf
from reconcile.api.convert import load
from reconcile.api.zeros import name_of
from reconcile.testing.strategies import largest, objects

FOLDER = Path(__file__).parents[2] / "schemas" / "kubernetes"
SCHEMAS = {
    document["$id"]: document
    for document in (json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.rglob("*.json")))
}
KINDS = {
    f"{identity}#/$defs/{name}": (kind["group"] + "/" + kind["version"]).lstrip("/")
    for identity, document in SCHEMAS.items()
    for name, schema in document["$defs"].items()
    for kind in schema.get("x-kubernetes-group-version-kind", ())[:1]
}
CLASSES = {ref: kinds.class_for(version, ref.rpartition("/")[2]) for ref, version in KINDS.items()}
REFS = sorted(
    ref for ref, cls in CLASSES.items() if gotypes.knows(name_of(cls)) and cls.__name__ not in ("Table", "Scale")
)


def _pruned(value):
    """Leave out what Go leaves out: empty lists and maps, and structs of which nothing was said."""
    if isinstance(value, dict):
        kept = {key: _pruned(entry) for key, entry in value.items()}
        return {key: entry for key, entry in kept.items() if entry not in (None, "", 0, "0", False, {}, [])}
    return [_pruned(entry) for entry in value] if isinstance(value, list) else value


def _numbered(value, go):
    """Leave out what protobuf has no number for: what an object within an object says itself to be."""
    while go.sort == "pointer":
        go = go.of
    if isinstance(value, list) and go.sort == "slice":
        return [_numbered(entry, go.of) for entry in value]
    if isinstance(value, dict) and go.sort.startswith("schema-or"):
        go = gotypes.struct(gotypes.SCHEMA)
    if not isinstance(value, dict) or go.sort not in ("struct", "map"):
        return value
    if go.sort == "map":
        return {key: _numbered(entry, go.of) for key, entry in value.items()}
    rows = gotypes.json_fields(go.name)
    known = {key: rows[key][1].type for key in value if key in rows and "TypeMeta" not in rows[key][0]}
    return {key: _numbered(value[key], shape) for key, shape in known.items()}


def _checked(ref, content):
    cls = CLASSES[ref]
    name = name_of(cls)
    whole = golang.written(load(content, cls=cls, absent="zero").object)
    written = protobuf.enveloped(name, whole, "v1", cls.__name__)
    version, kind, raw = protobuf.opened(written)
    assert (version, kind) == ("v1", cls.__name__)
    data = protobuf.read(name, raw)
    again = golang.written(load(data, cls=cls, unknown="Strict", absent="zero").object)
    assert protobuf.enveloped(name, again, "v1", cls.__name__) == written
    left, right = (_pruned(_numbered(found, gotypes.struct(name))) for found in (whole, again))
    assert left == right


@pytest.mark.parametrize("ref", REFS, ids=lambda ref: ref.partition("/kubernetes/")[2])
def test_every_field_survives(ref):
    _checked(ref, largest(SCHEMAS, ref, depth=7))


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(st.data())
def test_whatever_is_there_survives(data):
    ref = data.draw(st.sampled_from(REFS))
    _checked(ref, data.draw(objects(SCHEMAS, ref)))


@settings(max_examples=300, deadline=2_000, suppress_health_check=list(HealthCheck), database=None)
@given(st.sampled_from(REFS), st.binary(max_size=60), st.integers(0, 10**6))
def test_hostile_bytes_are_refused_or_read(ref, content, at):
    cls = CLASSES[ref]
    good = bytearray(protobuf.message(name_of(cls), largest(SCHEMAS, ref, depth=4)))
    place = at % (len(good) or 1)
    for hostile in (content, bytes(good[:place]) + content + bytes(good[place:]), bytes(good[:place])):
        try:
            found = protobuf.read(name_of(cls), hostile)
        except protobuf.Malformed:
            continue
        assert isinstance(found, dict)
