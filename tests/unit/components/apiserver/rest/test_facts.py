"""What a client is told of less usual requests, held against the words of kube-apiserver 1.36.3."""

import pytest

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
CORE, DEFAULT = "/api/v1", "/api/v1/namespaces/default"
EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"
EVENT = {
    "apiVersion": "events.k8s.io/v1",
    "kind": "Event",
    "eventTime": "2026-01-01T00:00:00.000000Z",
    "action": "Act",
    "reason": "Because",
    "type": "Normal",
    "regarding": {"kind": "Pod", "namespace": "default", "name": "p"},
    "reportingController": "example.com/c",
    "reportingInstance": "c-1",
}
POLICIES = "/apis/admissionregistration.k8s.io/v1"
RULES = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}


def policy(kind, **spec):
    constraints = {"matchConstraints": {"resourceRules": [RULES]}, "failurePolicy": "Fail"}
    head = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "p"}}
    return {**head, "spec": {**constraints, **spec}}


def causes(body):
    return [(cause["field"], cause["message"]) for cause in body["details"]["causes"]]


def test_events_have_one_table_in_both_groups(client):
    code, _ = client.read("POST", EVENTS, {**EVENT, "metadata": {"name": "e"}})
    assert code == 201
    _, table = client.read("GET", f"{EVENTS}/e", accept=TABLE, includeObject="Object")
    assert [column["name"] for column in table["columnDefinitions"]][:4] == ["Last Seen", "Type", "Reason", "Object"]
    row = table["rows"][0]
    assert (row["cells"][1:4], row["object"]["apiVersion"]) == (["Normal", "Because", "pod/p"], "events.k8s.io/v1")


@pytest.mark.parametrize(("path", "said"), [(EVENTS, 422), (f"{DEFAULT}/events", 201)])
def test_events_are_named_by_their_group(client, path, said):
    body = {**EVENT, "metadata": {"name": "Not_A_Subdomain"}}
    if path != EVENTS:
        body = {"metadata": body["metadata"], "involvedObject": {"namespace": "default"}}
    assert client.read("POST", path, body)[0] == said


def test_a_watch_warns_as_a_list_does(client):
    response = client("GET", f"{DEFAULT}/endpoints", watch="true", timeoutSeconds="1")
    warned = [value for key, value in response.headers if key == "Warning"]
    assert warned == ['299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"']


def test_metadata_alone_does_not_count_templates(client):
    path = "/apis/apps/v1/namespaces/default/daemonsets"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "i"}]}}
    body = {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}
    assert client.read("POST", path, body)[1]["metadata"]["annotations"]
    assert "annotations" not in client.read("GET", f"{path}/d", accept=PARTIAL)[1]["metadata"]
    made = {"apiVersion": "apps/v1", "kind": "DaemonSet", **body}
    assert client.read("PUT", f"{path}/d/status", made)[1]["metadata"]["annotations"]


def test_a_dry_run_allocates_nothing(client):
    service = {"metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": [{"port": 80}, {"port": 81}]}}
    for ports in ([{"name": "a", "port": 80}, {"name": "b", "port": 81}], [{"port": 80, "nodePort": 7}]):
        service["spec"]["ports"] = ports
        code, made = client.read("POST", f"{DEFAULT}/services", service, dryRun="All")
        assert code == 201
        given = [port["nodePort"] for port in made["spec"]["ports"]]
        assert given == ([32769, 32770] if len(ports) > 1 else [7])


@pytest.mark.parametrize(
    ("path", "body", "query", "said"),
    [
        ("configmaps", {"metadata": {"name": "c", "resourceVersion": "5"}}, {}, "resourceVersion should not be set"),
        ("configmaps", {"metadata": {"name": "c", "resourceVersion": "5"}}, {"dryRun": "All"}, ""),
        ("limitranges", {"metadata": {}, "spec": {"limits": []}}, {}, ""),
        ("serviceaccounts", {"metadata": {}}, {}, "metadata.name: Required value"),
    ],
)
def test_what_may_be_created(client, path, body, query, said):
    code, made = client.read("POST", f"{DEFAULT}/{path}", body, **query)
    assert (code == 201, said in made.get("message", "")) == (not said, True)


def test_a_generation_is_kept_where_nobody_counts(client):
    body = {"metadata": {"name": "g", "generation": 7}}
    assert client.read("POST", f"{DEFAULT}/configmaps", body)[1]["metadata"]["generation"] == 7


def test_a_status_left_out_is_the_first_one(client):
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    assert client.read("POST", f"{CORE}/namespaces", body)[0] == 201
    code, made = client.read("PUT", f"{CORE}/namespaces/n/status", body)
    assert (code, made["status"]["phase"]) == (200, "Active")


@pytest.mark.parametrize(
    ("group", "body", "told"),
    [
        (
            "validatingadmissionpolicies",
            policy(
                "ValidatingAdmissionPolicy",
                variables=[{"name": "v", "expression": "'a'"}],
                validations=[{"expression": "variables.v > 1"}],
            ),
            [("spec.validations[0].expression", "found no matching overload for '_>_' applied to '(string, int)'")],
        ),
        (
            "validatingadmissionpolicies",
            policy(
                "ValidatingAdmissionPolicy",
                variables=[{"name": "w", "expression": "variables.v"}, {"name": "v", "expression": "1"}],
                validations=[{"expression": "request.operation == 'CREATE'"}],
            ),
            [("spec.variables[0].expression", "undefined field 'v'")],
        ),
        (
            "validatingadmissionpolicies",
            policy("ValidatingAdmissionPolicy", validations=[{"expression": "Object{} == object"}]),
            [("spec.validations[0].expression", "ERROR: <input>:1:7: undeclared reference to 'Object'")],
        ),
        (
            "mutatingadmissionpolicies",
            policy(
                "MutatingAdmissionPolicy",
                reinvocationPolicy="Never",
                mutations=[
                    {"patchType": "JSONPatch", "jsonPatch": {"expression": "JSONPatch{op: 'add'}"}},
                    {
                        "patchType": "JSONPatch",
                        "jsonPatch": {"expression": "[JSONPatch{path: jsonpatch.escapeKey('/')}]"},
                    },
                    {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object.spec{}"}},
                    {
                        "patchType": "ApplyConfiguration",
                        "applyConfiguration": {"expression": "Object{spec: Object.spec{}}"},
                    },
                ],
            ),
            [
                ("spec.mutations[0].jsonPatch.expression", "must evaluate to list(JSONPatch) but got JSONPatch"),
                ("spec.mutations[2].applyConfiguration.expression", "must evaluate to Object but got Object.spec"),
            ],
        ),
    ],
)
def test_expressions_of_policies_have_types(client, group, body, told):
    code, status = client.read("POST", f"{POLICIES}/{group}", body)
    assert code == 422
    found = causes(status)
    assert [field for field, _ in found] == [field for field, _ in told]
    assert all(words in message for (_, message), (_, words) in zip(found, told, strict=True))


def definition(**schema):
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", **schema}},
    }
    names = {"plural": "things", "kind": "Thing"}
    spec = {"group": "e.com", "scope": "Cluster", "names": names, "versions": [version]}
    return {"metadata": {"name": "things.e.com"}, "spec": spec}


def test_definitions(client):
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    inner = {"a": {"type": "string", "format": "nope"}, "b": {"type": "integer", "format": "int32"}}
    response = client(
        "POST", path, definition(properties={"spec": {"type": "object", "properties": inner}}), dryRun="All"
    )
    warned = [value for key, value in response.headers if key == "Warning"]
    assert (response.code, warned) == (201, ['299 - "unrecognized format \\"nope\\""'])
    body = {**definition(), "metadata": {"name": "x", "labels": {"-": "v"}}}
    fields = [field for field, _ in causes(client.read("POST", path, body)[1])]
    assert fields[:2] == ["metadata.name", "metadata.labels"]
    body = definition()
    body["spec"]["versions"][0]["name"] = "V1"
    fields = [field for field, _ in causes(client.read("POST", path, body)[1])]
    assert fields == ["spec.versions[0].name", "spec.version"]
