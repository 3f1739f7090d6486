"""For every kind of every stable group version: JSON to object to JSON changes nothing."""

import json
from fractions import Fraction
from pathlib import Path

import attrs
import jsonschema
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from referencing import Registry, Resource

from reconcile.api import kinds
from reconcile.api.convert import CustomObject, InvalidObject, dump, load
from reconcile.api.faults import read_slowly
from reconcile.api.quantity import Quantity
from reconcile.api.scalars import MicroTime, Time, freeze, thaw
from reconcile.testing.strategies import largest, objects

FOLDER = Path(__file__).parents[2] / "schemas" / "kubernetes"
SCHEMAS = {
    document["$id"]: document
    for document in (json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.rglob("*.json")))
}
# Each kind once, by the module that holds its class.
KINDS = {
    f"{identity}#/$defs/{name}": (kind["group"] + "/" + kind["version"]).lstrip("/")
    for identity, document in SCHEMAS.items()
    for name, schema in document["$defs"].items()
    for kind in schema.get("x-kubernetes-group-version-kind", ())[:1]
}


def _class(ref):
    return kinds.class_for(KINDS[ref], ref.rpartition("/")[2])


def test_every_resource_is_among_the_kinds():
    names = {(version, ref.rpartition("/")[2]) for ref, version in KINDS.items()}
    every = (*kinds.all_resources(), *kinds.gated_resources())
    assert {(resource.api_version, resource.kind) for resource in every} <= names
    assert len(KINDS) == 147


@pytest.mark.parametrize("ref", sorted(KINDS), ids=lambda ref: ref.partition("/kubernetes/")[2])
def test_every_field_survives(ref):
    content = largest(SCHEMAS, ref, depth=9)
    cls = _class(ref)
    registry = Registry().with_resources((identity, Resource.from_contents(SCHEMAS[identity])) for identity in SCHEMAS)
    jsonschema.Draft202012Validator({"$ref": ref}, registry=registry).validate(content)
    found = load(content, cls=cls).object
    assert dump(found) == content
    assert set(content) == {name for name, field in zip(cls.JSON_NAMES, attrs.fields(cls), strict=True)}
    assert load(json.loads(json.dumps(content)), cls=cls).object == found


@pytest.mark.parametrize("ref", sorted(KINDS), ids=lambda ref: ref.partition("/kubernetes/")[2])
def test_whatever_is_there_survives(ref):
    cls = _class(ref)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(objects(SCHEMAS, ref))
    def survives(content):
        found = load(content, cls=cls).object
        assert dump(found) == content
        assert load(dump(found), cls=cls).object == found
        assert hash(load(dump(found), cls=cls).object) == hash(found)

    survives()


@pytest.mark.parametrize("document", sorted(SCHEMAS))
def test_schemas_are_schemas(document):
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[document])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=5).filter(lambda key: key not in {"apiVersion", "kind", "metadata"}), JSON))
def test_a_custom_object_survives(body):
    content = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}, **body}
    found = load(content).object
    assert isinstance(found, CustomObject)
    assert dump(found) == content
    assert thaw(freeze(body)) == body


POWERS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def _dumb(sign, whole, fraction, suffix):
    """Return what a quantity's text means, in billionths, by the book."""
    value = Fraction(f"{whole or '0'}.{fraction or '0'}")
    if suffix in BINARY:
        value *= 2 ** BINARY[suffix]
    elif suffix in POWERS:
        value *= Fraction(10) ** POWERS[suffix]
    else:
        value *= Fraction(10) ** int(suffix[1:])
    nanos = value * 10**9
    up = -(-nanos.numerator // nanos.denominator)
    if suffix in BINARY:
        up = min(up, (2**63 - 1) * 10**9)
    return -up if sign == "-" else up


TEXTS = st.tuples(
    st.sampled_from(["", "-", "+"]),
    st.text("0123456789", min_size=1, max_size=22),
    st.none() | st.text("0123456789", max_size=14),
    st.sampled_from([*POWERS, *BINARY]) | st.integers(-30, 30).map(lambda power: f"e{power}"),
)


@given(TEXTS)
def test_a_quantity_means_what_the_book_says(parts):
    sign, whole, fraction, suffix = parts
    text = sign + whole + ("" if fraction is None else f".{fraction}") + suffix
    found = Quantity.parse(text)
    assert found.nanos == _dumb(sign, whole, fraction, suffix)
    again = Quantity.parse(found.text)
    assert again == found
    canonical = Quantity.of(nanos=found.nanos, form=found.form)
    assert canonical == found
    assert Quantity.parse(canonical.text).text == canonical.text
    assert found.whole == -((-found.nanos) // 10**9) if found.nanos >= 0 else found.nanos // 10**9


@given(TEXTS, TEXTS)
def test_quantities_add_exactly(first, second):
    one, other = (
        Quantity.parse(sign + whole + ("" if fraction is None else f".{fraction}") + suffix)
        for sign, whole, fraction, suffix in (first, second)
    )
    assert (one + other).nanos == one.nanos + other.nanos
    assert (one - other).nanos == one.nanos - other.nanos
    assert (one < other) == (one.nanos < other.nanos)


@given(st.datetimes())
def test_a_time_is_what_the_standard_library_says(moment):
    text = f"{moment.year:04d}" + moment.strftime("-%m-%dT%H:%M:%SZ")
    days = moment.toordinal() - 719_163
    seconds = days * 86_400 + moment.hour * 3_600 + moment.minute * 60 + moment.second
    assert Time.parse(text).instant == seconds * 10**9
    assert Time.at(seconds * 10**9 + 5).text == text
    micro = MicroTime.at(seconds * 10**9 + moment.microsecond * 1_000 + 7)
    assert micro.text == f"{text[:-1]}.{moment.microsecond:06d}Z"
    assert MicroTime.parse(micro.text) == micro


def _places(value, path=()):
    """Yield the path of everything within *value*."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield (*path, key)
        yield from _places(entry, (*path, key))


def _changed(value, path, entry):
    if not path:
        return entry
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _changed(value[path[0]], path[1:], entry)
    return copy


@given(st.data())
def test_damaged_content_is_refused_by_name_or_means_something(data):
    ref = data.draw(st.sampled_from(sorted(KINDS)))
    content = data.draw(objects(SCHEMAS, ref))
    place = data.draw(st.sampled_from([*_places(content)] or [("kind",)]))
    damaged = _changed(content, place, data.draw(JSON)) if len(content) else content
    try:
        found = load(damaged, cls=_class(ref)).object
    except InvalidObject as error:
        faults = error.faults
        event(faults[0].kind if faults else pytest.fail("no fault is named"))
    else:
        assert load(dump(found), cls=_class(ref)).object == found
    read, warnings = read_slowly(_class(ref), content, "Warn")
    assert (read, warnings) == (load(content, cls=_class(ref)).object, ())
