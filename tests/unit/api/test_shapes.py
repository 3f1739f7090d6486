import attrs
import pytest

from reconcile.api import apiextensions_v1, core_v1, kinds
from reconcile.api.scalars import Int32, IntOrString, Json, Quantity
from reconcile.api.shapes import CustomObject, Field, blank, fields_of, within
from reconcile.lib.mapping import Map


def _fields(cls):
    return {field.json: field for field in fields_of(cls)}


def test_a_field_is_told_by_its_names_its_type_and_whether_it_must_be_there():
    port = _fields(core_v1.ContainerPort)
    assert port["containerPort"] == Field(name="container_port", json="containerPort", type=Int32, required=True)
    assert port["name"] == Field(name="name", json="name", type=str, required=False)
    assert _fields(core_v1.ServicePort)["targetPort"].type == IntOrString
    assert _fields(core_v1.ResourceRequirements)["limits"].type == Map[Quantity]
    assert _fields(core_v1.PodSpec)["containers"].type == tuple[core_v1.Container, ...]


def test_a_class_may_hold_itself():
    schema = apiextensions_v1.JSONSchemaProps
    fields = _fields(schema)
    assert (fields["not"].type, fields["allOf"].type, fields["properties"].type) == (
        schema, tuple[schema, ...], Map[schema],
    )  # fmt: skip
    assert fields["default"].type == Json


def test_what_json_lacks_is_absent_only_where_code_would_fill_it_in():
    assert blank(core_v1.Pod) == {"api_version": None, "kind": None}
    assert blank(core_v1.PodSpec) == {}
    assert blank(CustomObject) == {"api_version": None, "kind": None}


def test_containers_are_opened():
    assert within(tuple[str, ...], tuple) is str
    assert within(Map[Quantity], Map) is Quantity
    assert within(str, tuple) is None


@pytest.mark.parametrize("resource", kinds.all_resources(), ids=lambda resource: resource.key + "." + resource.version)
def test_names_stand_beside_their_fields(resource):
    cls = resource.object_class
    assert len(cls.JSON_NAMES) == len(attrs.fields(cls))
    assert {"apiVersion", "kind"} <= set(_fields(cls))


def test_what_is_absent_is_not_printed():
    assert repr(core_v1.Pod(spec=core_v1.PodSpec(containers=(), host_pid=False))) == (
        "Pod(api_version='v1', kind='Pod', spec=PodSpec(containers=(), host_pid=False))"
    )
