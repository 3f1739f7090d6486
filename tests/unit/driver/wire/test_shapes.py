from typing import get_args

import pytest

from reconcile.api import core_v1
from reconcile.driver.wire.shapes import camel, choices_of, fields_of, is_api_class, may_be_null, tag_of
from reconcile.effects import Call, PullImage
from reconcile.events import ClusterEvent, ContainerExited, Deliver, RuntimeReport, Submit
from reconcile.model.hosts import Host
from reconcile.model.requests import Request


@pytest.mark.parametrize(
    ("name", "json"),
    [
        ("call", "call"),
        ("resource_version", "resourceVersion"),
        ("continue_", "continue"),
        ("container_id", "containerID"),
        ("pod_cidr", "podCIDR"),
        ("ip", "ip"),
        ("uid", "uid"),
    ],
)
def test_camel(name, json):
    assert camel(name) == json


def test_a_class_says_whether_it_is_an_event_or_an_effect():
    assert tag_of(Deliver) == ("event", "Deliver")
    assert tag_of(ContainerExited) == ("event", "ContainerExited")
    assert tag_of(PullImage) == ("effect", "PullImage")
    assert tag_of(Request) == ("", "")


def test_fields_have_their_types_and_defaults():
    fields = {field.name: field for field in fields_of(Deliver)}
    assert (fields["watch"].shape, fields["watch"].required) == (str, True)
    assert (fields["count"].shape, fields["count"].default, fields["count"].required) == (int, 0, False)
    assert {field.json for field in fields_of(Submit)} == {"request", "tag", "client", "user"}


def test_what_is_called_any_is_known_by_its_place():
    assert next(field.shape for field in fields_of(Host) if field.name == "taints") == tuple[core_v1.Taint, ...]
    assert next(field.shape for field in fields_of(Request) if field.name == "body") == "body"


def test_parts_of_types():
    assert choices_of(RuntimeReport) == get_args(RuntimeReport)
    assert choices_of(int) == (int,)
    assert set(get_args(ClusterEvent)) == set(choices_of(ClusterEvent))
    tag = next(field.shape for field in fields_of(Call) if field.name == "tag")
    assert may_be_null(tag)
    assert not may_be_null(int)
    assert is_api_class(core_v1.Pod)
    assert not is_api_class(Host)
