"""Fields: by which each kind is selected, and what is said of others."""

import re

import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.components.apiserver.reading.fields import field_of
from reconcile.components.apiserver.refusals import Refusal


@pytest.mark.parametrize(
    ("resource", "label", "message"),
    [
        ("pods", "spec.shoes", "field label not supported: spec.shoes"),
        ("jobs.batch", "spec.nothing", 'field label "spec.nothing" not supported for Job'),
        ("namespaces", "metadata.namespace", "field label not supported: metadata.namespace"),
        (
            "replicasets.apps",
            "status.replicas",
            '"status.replicas" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
        (
            "resourceslices.resource.k8s.io",
            "spec.pool",
            "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: spec.pool",
        ),
    ],
)
def test_another_field_is_refused(resource, label, message):
    with pytest.raises(Refusal, match=re.escape(message)) as refused:
        field_of(resource, label)
    assert (refused.value.response.code, refused.value.response.body.message) == (400, message)


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("metadata.name", "web"),
        ("spec.nodeName", "n1"),
        ("spec.host", "n1"),
        ("spec.hostNetwork", "false"),
        ("status.podIPs", ""),
        ("status.phase", ""),
    ],
)
def test_fields_of_a_pod(label, value):
    pod = core_v1.Pod(metadata=meta_v1.ObjectMeta(name="web"), spec=core_v1.PodSpec(containers=(), node_name="n1"))
    assert field_of("pods", label)(pod) == value


def test_an_event_has_the_source_that_reported_it():
    about = core_v1.ObjectReference(kind="Pod", name="web")
    event = core_v1.Event(metadata=meta_v1.ObjectMeta(), involved_object=about, reporting_component="kubelet")
    assert field_of("events", "source")(event) == "kubelet"
    assert field_of("events", "involvedObject.name")(event) == "web"


def test_a_number_that_is_not_there_is_none():
    assert field_of("jobs.batch", "status.successful")(core_v1.Pod()) == "0"


def test_a_term_without_a_field_selects_everything(server):
    assert len(server("list", "namespaces", field_selector="=").body.items) == 4
