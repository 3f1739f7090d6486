"""Objects as the API server writes them: Go's order, and what Go leaves out."""

from reconcile.api import convert, golang
from reconcile.api.core_v1 import Pod, ReplicationControllerSpec
from reconcile.api.discovery_v1 import EndpointSlice
from reconcile.api.zeros import empty


def loaded(data):
    return convert.load(data, unknown="Strict", absent="zero").object


def test_fields_stand_in_the_order_of_gos_structs():
    pod = loaded(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "labels": {}, "generation": 2}, "spec": {}}
    )
    written = golang.written(pod)
    assert list(written) == ["kind", "apiVersion", "metadata", "spec", "status"]
    assert list(written["metadata"]) == ["name", "generation"]


def test_what_go_leaves_out_when_it_is_zero_is_not_written():
    spec = {"containers": [{"name": "a", "image": ""}], "hostNetwork": False, "nodeName": "", "priority": 0}
    pod = loaded({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec})
    written = golang.written(pod)["spec"]
    # A pointer's zero is said; a plain one is as good as nothing.
    assert written == {"containers": [{"name": "a", "resources": {}}], "priority": 0}


def test_a_zero_of_openapi_that_go_leaves_out_is_not_there():
    assert golang.written(empty(ReplicationControllerSpec)) == {}


def test_a_list_without_entries_is_null_only_once_it_was_stored():
    body = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "x"}}
    slice_ = loaded({**body, "addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}], "ports": []})
    assert isinstance(slice_, EndpointSlice)
    assert golang.written(slice_)["ports"] is None
    assert golang.unstored(slice_)["ports"] == []


def test_a_part_of_an_object_is_written_too():
    assert golang.written(empty(Pod)).keys() == {"metadata", "spec", "status"}
