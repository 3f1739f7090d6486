"""Creating: what the server adds, and what it refuses."""

from reconcile.api import convert, core_v1, meta_v1
from reconcile.components import apiserver
from reconcile.lib.dice import Dice
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request


def test_pod_gets_what_the_server_adds(server, pod):
    made = server.made("pods", pod)
    assert (made.metadata.uid, made.metadata.generation, made.metadata.namespace) == (made.metadata.uid, 1, "default")
    assert made.metadata.creation_timestamp.text == "2026-01-01T00:00:00Z"
    assert made.metadata.resource_version == str(server.store.revision)
    assert made.status == core_v1.PodStatus(phase="Pending", qos_class="BestEffort")
    assert convert.dump(made.spec) == {
        "containers": [
            {
                "image": "nginx",
                "imagePullPolicy": "Always",
                "name": "main",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
        "priority": 0,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "serviceAccount": "default",
        "serviceAccountName": "default",
        "terminationGracePeriodSeconds": 30,
        "tolerations": [
            {"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300}
            for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
        ],
    }


def test_pods_of_one_template_share_their_specification(server, pod):
    body = convert.load(pod).object
    one = server.made("pods", replace(body, metadata=meta_v1.ObjectMeta(generate_name="web-")))
    other = server.made("pods", replace(body, metadata=meta_v1.ObjectMeta(generate_name="web-")))
    assert one.spec is other.spec
    assert one.metadata.name != other.metadata.name
    assert one.metadata.name.startswith("web-")
    assert len(one.metadata.name) == 9


def test_what_is_there_already_is_refused(server, deployment):
    server.made("deployments.apps", deployment)
    response = server("create", "deployments.apps", "default", body=deployment)
    assert (response.code, response.reason) == (409, "AlreadyExists")
    assert response.body.message == 'deployments.apps "web" already exists'
    assert response.body.details == meta_v1.StatusDetails(name="web", group="apps", kind="deployments")


def test_invalid_names_every_cause(server, pod):
    pod["metadata"]["name"] = "Web"
    pod["spec"]["containers"] = []
    response = server("create", "pods", "default", body=pod)
    assert (response.code, response.reason) == (422, "Invalid")
    assert [(cause.field, cause.reason) for cause in response.body.details.causes] == [
        ("metadata.name", "FieldValueInvalid"),
        ("spec.containers", "FieldValueRequired"),
    ]
    assert response.body.message.startswith('Pod "Web" is invalid: [metadata.name: Invalid value: "Web": a lowercase')
    assert response.body.message.endswith("spec.containers: Required value]")


def test_one_cause_needs_no_brackets(server, pod):
    pod["spec"]["containers"] = []
    message = server("create", "pods", "default", body=pod).body.message
    assert message == 'Pod "web" is invalid: spec.containers: Required value'


def test_namespace_must_be_there_and_stay(server, pod):
    response = server("create", "pods", "nowhere", body=pod)
    assert (response.code, response.body.message) == (404, 'namespaces "nowhere" not found')
    server.made("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "going"}}, "")
    assert server("delete", "namespaces", name="going").body.status.phase == "Terminating"
    response = server("create", "pods", "going", body=pod)
    assert response.code == 403
    assert response.body.message == (
        'pods "web" is forbidden: unable to create new content in namespace going because it is being terminated'
    )
    assert response.body.details.causes[0].reason == "NamespaceTerminating"


def test_body_must_fit_the_path(server, pod):
    pod["metadata"]["namespace"] = "other"
    message = server("create", "pods", "default", body=pod).body.message
    assert message == "the namespace of the provided object does not match the namespace sent on the request"
    response = server("create", "services", "default", body=pod)
    said = (
        'Pod in version "v1" cannot be handled as a Service: converting (v1.Pod) to (core.Service): unknown conversion'
    )
    assert (response.code, response.body.message) == (400, said)


def test_resource_version_has_no_place_in_a_new_object(server, pod):
    pod["metadata"]["resourceVersion"] = "7"
    response = server("create", "pods", "default", body=pod)
    assert (response.code, response.reason) == (500, "")
    assert response.body.message == "resourceVersion should not be set on objects to be created"


def test_names_that_run_out_are_no_names(server, pod, monkeypatch):
    monkeypatch.setattr(Dice, "suffix", lambda self: ("aaaaa", self))
    pod["metadata"] = {"generateName": "web-"}
    assert server.made("pods", pod).metadata.name == "web-aaaaa"
    response = server("create", "pods", "default", body=pod)
    assert (response.code, response.reason, response.body.details.retry_after_seconds) == (409, "AlreadyExists", 1)
    assert response.body.message == (
        'pods "web-aaaaa" already exists, the server was not able to generate a unique name for the object'
    )


def test_dry_run_writes_nothing(server, pod):
    before = server.store
    response = server("create", "pods", "default", body=pod, dry_run=True)
    assert (response.code, response.body.metadata.name) == (201, "web")
    assert server.store is before


def test_status_of_a_new_object_is_the_servers(server, deployment):
    deployment["status"] = {"replicas": 7}
    made = server.made("deployments.apps", deployment)
    assert made.status.replicas is None
    assert (made.spec.replicas, made.spec.revision_history_limit, made.spec.progress_deadline_seconds) == (1, 10, 600)
    assert convert.dump(made.spec.strategy) == {
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
        "type": "RollingUpdate",
    }


def test_node_keeps_its_status_and_waits_for_being_ready(server):
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": {"capacity": {"cpu": "4"}}}
    made = server.made("nodes", node, "")
    assert made.status.allocatable == made.status.capacity
    assert [(taint.key, taint.effect) for taint in made.spec.taints] == [("node.kubernetes.io/not-ready", "NoSchedule")]


def test_traffic_from_outside_has_a_policy(server, service):
    assert server.made("services", service).spec.external_traffic_policy is None
    service["metadata"]["name"], service["spec"]["externalIPs"] = "other", ["1.2.3.4"]
    assert server.made("services", service).spec.external_traffic_policy == "Cluster"


def test_priority_comes_from_the_class(server, pod):
    pod["spec"]["priorityClassName"] = "system-node-critical"
    assert server.made("pods", pod).spec.priority == 2_000_001_000
    pod["metadata"]["name"] = "other"
    pod["spec"]["priorityClassName"] = "none"
    message = server("create", "pods", "default", body=pod).body.message
    assert message == 'pods "other" is forbidden: no PriorityClass with name none was found'


def test_one_class_is_everyones_default(server, pod):
    def body(name, **default):
        kind = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}}
        return {**kind, "value": 7, **default}

    resource = "priorityclasses.scheduling.k8s.io"
    server.made(resource, body("a", globalDefault=True), "")
    message = (
        'priorityclasses.scheduling.k8s.io "b" is forbidden: PriorityClass a is already marked as default. Only one'
        " default can exist"
    )
    assert server("create", resource, body=body("b", globalDefault=True)).body.message == message
    server.made(resource, body("b"), "")
    assert server("patch", resource, name="b", body={"globalDefault": True}).body.message == message
    assert server("patch", resource, name="a", body={"description": "x"}).code == 200
    assert server.made("pods", pod).spec.priority == 7


def test_own_priority_is_refused(server, pod):
    pod["spec"]["priority"] = 5
    assert server("create", "pods", "default", body=pod).body.message == (
        'pods "web" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority'
        " admission controller computed 0 from the given PriorityClass name"
    )


def test_secret_is_written_in_clear_and_read_in_base64(server):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}}
    made = server.made("secrets", secret)
    assert (made.type, made.data, made.string_data) == ("Opaque", {"a": "Yg=="}, None)


def test_requests_draw_from_dice_of_their_own(server, pod):
    def uid(count, **metadata):
        request = Request(verb="create", resource="pods", namespace="default", body=convert.load(pod).object)
        body = replace(request.body, metadata=meta_v1.ObjectMeta(**metadata))
        dice = Dice(1, "request", count)
        planned = apiserver.plan(
            server.state, replace(request, body=body), apiserver.ITSELF, server.store, server.now, dice
        )
        return planned.txn.operations[0].value.metadata.uid

    assert len({uid(5, generate_name="a-"), uid(6, name="a"), uid(6, generate_name="a-"), uid(7, name="a")}) == 4
