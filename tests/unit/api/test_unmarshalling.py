"""What Go says of JSON that is not the object that it should be."""

import json

import pytest

from reconcile.api import gosyntax, unmarshalling


def _read(data, name="core_v1.Pod"):
    return unmarshalling.unmarshalled(gosyntax.pairs_of(json.dumps(data).encode()), name)


QUANTITIES = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            {"spec": {"containers": "x"}},
            "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            {"spec": {"containers": [{"env": [{"valueFrom": {"fieldRef": "x"}}]}]}},
            (
                "json: cannot unmarshal string into Go struct field"
                " EnvVarSource.spec.containers.env.valueFrom.fieldRef of type v1.ObjectFieldSelector"
            ),
        ),
        (
            {"spec": {"volumes": [{"configMap": []}]}},
            (
                "json: cannot unmarshal array into Go struct field"
                " Volume.spec.volumes.VolumeSource.configMap of type v1.ConfigMapVolumeSource"
            ),
        ),
        (
            {"metadata": {"labels": {"a": 1}}},
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
        ),
        (
            {"spec": {"securityContext": {"fsGroup": 1.5}}},
            (
                "json: cannot unmarshal number 1.5 into Go struct field"
                " PodSecurityContext.spec.securityContext.fsGroup of type int64"
            ),
        ),
        (
            {"spec": {"securityContext": {"fsGroupChangePolicy": 1}}},
            (
                "json: cannot unmarshal number into Go struct field"
                " PodSecurityContext.spec.securityContext.fsGroupChangePolicy of type v1.PodFSGroupChangePolicy"
            ),
        ),
        (
            {"spec": {"containers": [{"resources": {"limits": []}}]}},
            (
                "json: cannot unmarshal array into Go struct field"
                " ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList"
            ),
        ),
        ({"spec": {"containers": [{"resources": {"limits": {"cpu": "much"}}}]}}, QUANTITIES),
        ({"spec": {"containers": [{"resources": {"limits": {"cpu": "1nn"}}}]}}, "unable to parse quantity's suffix"),
        (
            {"metadata": {"creationTimestamp": "yesterday"}},
            'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
        ),
        (
            {"metadata": {"creationTimestamp": "2026-13-01T00:00:00Z"}},
            'parsing time "2026-13-01T00:00:00Z": month out of range',
        ),
        # What reads itself ends the reading, though another fault came before it.
        ({"spec": {"nodeName": 1, "containers": [{"resources": {"limits": {"cpu": ""}}}]}}, QUANTITIES),
        # Else the first one counts.
        (
            {"spec": {"nodeName": 1, "hostname": 2}},
            "json: cannot unmarshal number into Go struct field PodSpec.spec.nodeName of type string",
        ),
    ],
)
def test_the_first_fault_is_said_as_go_says_it(data, said):
    with pytest.raises(unmarshalling.Unreadable) as caught:
        _read(data)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("name", "text", "at"), [("x", "!", 0), ("x", "YQ=", 3), ("x", "YWI", 0), ("x", "YQ==x", 4), ("x", "YWJjZA", 4)]
)
def test_base64_stops_where_go_stops(name, text, at):
    with pytest.raises(unmarshalling.Unreadable) as caught:
        _read({"data": {name: text}}, "core_v1.Secret")
    assert str(caught.value) == f"illegal base64 data at input byte {at}"


def test_what_is_strictly_wrong_is_told_in_order_and_read_over():
    text = b"""{"metadata":{"name":"x","foo":1},"spec":{"restartPolicy":"Never","restartPolicy":"Always","bar":{},
        "containers":[{"name":"a","images":"x"}]},"Spec":1}"""
    found = unmarshalling.unmarshalled(gosyntax.pairs_of(text), "core_v1.Pod")
    assert found.strict == (
        'unknown field "metadata.foo"',
        'duplicate field "spec.restartPolicy"',
        'unknown field "spec.bar"',
        'unknown field "spec.containers[0].images"',
        'unknown field "Spec"',
    )
    assert found.data == {
        "metadata": {"name": "x"},
        "spec": {"restartPolicy": "Always", "containers": [{"name": "a"}]},
    }


def test_nulls_are_absent_and_zeros_in_lists():
    assert _read({"metadata": None, "spec": {"imagePullSecrets": [None]}}).data["spec"] == {"imagePullSecrets": [{}]}


def test_a_schema_within_a_schema_names_the_way_to_it():
    data = {"spec": {"versions": [{"schema": {"openAPIV3Schema": {"items": {"type": 1}}}}]}}
    with pytest.raises(unmarshalling.Unreadable, match=r"JSONSchemaProps\.spec\.versions.*items\.type of type string"):
        _read(data, "apiextensions_v1.CustomResourceDefinition")


@pytest.mark.parametrize(
    ("text", "shown"), [("a", '"a"'), ('\x01\n"\\', '"\\x01\\n\\"\\\\"'), ("\u2028\u00e9", '"\\u2028\u00e9"')]
)
def test_text_is_quoted_as_go_quotes_it(text, shown):
    assert unmarshalling.quoted(text) == shown
