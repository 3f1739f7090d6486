"""Stages with all that KWOK's published ones have, written anew: fast, general with heartbeats, chaos, of volumes."""

from __future__ import annotations

import textwrap

from reconcile import Cluster, Topology, apply, ask, settle
from reconcile.driver.run import run
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.model.conditions import find
from reconcile.model.requests import Request


def stage(name, kind, conditions, template="", group="v1", **spec):
    expressions = []
    for condition in conditions:
        key, operator, *values = condition if isinstance(condition, tuple) else (condition,)
        row = {"key": key, "operator": operator, "values": values} if operator != "cel" else {}
        expressions.append(row or {"cel": {"expression": key}})
    known = {"resourceRef": {"apiGroup": group, "kind": kind}, "selector": {"matchExpressions": expressions}, **spec}
    if "steps" not in known:
        known["next"] = {"statusTemplate": textwrap.dedent(template), **known.get("next", {})}
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": name}, "spec": known}


def said(name, least, most):
    """Give a delay and a weight that annotations may say otherwise."""
    found = f'.metadata.annotations["{name}.example.com/'
    delay = {"durationMilliseconds": least, "durationFrom": {"expressionFrom": f'{found}delay"]'}}
    delay |= {"jitterDurationMilliseconds": most, "jitterDurationFrom": {"expressionFrom": f'{found}jitter"]'}}
    return {"delay": delay, "weight": 1, "weightFrom": {"expressionFrom": f'{found}weight"]'}}


ALIVE = (".metadata.deletionTimestamp", "DoesNotExist")
DELETED = (".metadata.deletionTimestamp", "Exists")
READY = '.status.conditions.[] | select( .type == "Ready" ) | .status'
INITIALIZED = '.status.conditions.[] | select( .type == "Initialized" ) | .status'

NODE = stage(
    "node-begins",
    "Node",
    [(READY, "NotIn", "True")],
    """
    {{ $now := Now }}
    {{ $since := or .metadata.creationTimestamp $now }}
    {{ $hasIP := false }}
    {{ range .status.addresses }}
      {{ if eq .type "InternalIP" }}
        {{ $hasIP = true }}
      {{ end }}
    {{ end }}
    conditions:
    {{ range NodeConditions }}
    - type: {{ .type | Quote }}
      status: {{ .status | Quote }}
      reason: {{ .reason | Quote }}
      message: {{ .message | Quote }}
      lastHeartbeatTime: {{ $now | Quote }}
      lastTransitionTime: {{ $since | Quote }}
    {{ end }}
    {{ if not $hasIP }}
    {{ with NodeIP }}
    addresses:
    - address: {{ . | Quote }}
      type: InternalIP
    {{ end }}
    {{ end }}
    {{ with NodePort }}
    daemonEndpoints:
      kubeletEndpoint:
        Port: {{ . }}
    {{ end }}
    allocatable:
    {{ with .status.allocatable }}
    {{ YAML . 1 }}
    {{ else }}
      cpu: 1k
      memory: 1Ti
      pods: 1M
    {{ end }}
    {{ $info := .status.nodeInfo }}
    {{ $version := printf "kwok-%s" Version }}
    nodeInfo:
      architecture: {{ or $info.architecture "amd64" }}
      bootID: {{ or $info.bootID `""` }}
      kubeletVersion: {{ or $info.kubeletVersion $version }}
      containerRuntimeVersion: {{ or $info.containerRuntimeVersion $version }}
      kernelVersion: {{ or $info.kernelVersion $version }}
      kubeProxyVersion: {{ or $info.kubeProxyVersion $version }}
      machineID: {{ or $info.machineID `""` }}
      operatingSystem: {{ or $info.operatingSystem "linux" }}
      osImage: {{ or $info.osImage `""` }}
      systemUUID: {{ or $info.systemUUID `""` }}
    phase: Running
    """,
)
HEARTBEAT = stage(
    "node-beats",
    "Node",
    [(".status.phase", "In", "Running"), (READY, "In", "True")],
    """
    {{ $now := Now }}
    conditions:
    {{ range NodeConditions }}
    - {type: {{ .type }}, status: {{ .status | Quote }}, reason: {{ .reason }}, lastHeartbeatTime: {{ $now | Quote }}}
    {{ end }}
    """,
    delay={"durationMilliseconds": 20000, "jitterDurationMilliseconds": 25000},
    immediateNextStage=True,
)
FAST = [
    NODE,
    stage(
        "pod-runs",
        "Pod",
        [ALIVE, (".status.phase", "In", "Pending"), (READY, "NotIn", "True")],
        """
        {{ $now := Now }}
        conditions:
        - {type: Ready, status: "True", lastTransitionTime: {{ $now | Quote }}}
        {{ range .spec.readinessGates }}
        - {type: {{ .conditionType | Quote }}, status: "True", lastTransitionTime: {{ $now | Quote }}}
        {{ end }}
        containerStatuses:
        {{ range .spec.containers }}
        - image: {{ .image | Quote }}
          name: {{ .name | Quote }}
          ready: true
          restartCount: 0
          state: {running: {startedAt: {{ $now | Quote }}}}
        {{ end }}
        initContainerStatuses:
        {{ range .spec.initContainers }}
        - image: {{ .image | Quote }}
          name: {{ .name | Quote }}
          ready: true
          restartCount: 0
          {{ if eq .restartPolicy "Always" }}
          state: {running: {startedAt: {{ $now | Quote }}}}
          {{ else }}
          state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}}}
          {{ end }}
        {{ end }}
        {{ $hosts := NodeIPsWith .spec.nodeName }}
        {{ with $hosts }}
        hostIP: {{ index . 0 | Quote }}
        hostIPs:
        {{ range . }}
        - ip: {{ . | Quote }}
        {{ end }}
        {{ end }}
        {{ $ips := PodIPsWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) "" "" }}
        {{ with $ips }}
        podIP: {{ index . 0 | Quote }}
        podIPs:
        {{ range . }}
        - ip: {{ . | Quote }}
        {{ end }}
        {{ end }}
        phase: Running
        startTime: {{ $now | Quote }}
        """,
    ),
    stage("pod-goes", "Pod", [DELETED], next={"finalizers": {"empty": True}, "delete": True}),
]
WAITS = """
    {{ range .spec.%s }}
    - {image: {{ .image | Quote }}, name: {{ .name | Quote }}, state: {waiting: {reason: PodInitializing}}}
    {{ end }}"""
GENERAL = [
    NODE,
    HEARTBEAT,
    stage(
        "pod-create",
        "Pod",
        [ALIVE, (".status.podIP", "DoesNotExist")],
        f"""
    {{{{ $now := Now }}}}
    conditions:
    {{{{ if .spec.initContainers }}}}
    - message: 'incomplete: [{{{{ range .spec.initContainers }}}} {{{{ .name }}}} {{{{ end }}}}]'
      reason: ContainersNotInitialized
      status: "False"
      type: Initialized
    {{{{ else }}}}
    - {{type: Initialized, status: "True", lastTransitionTime: {{{{ $now | Quote }}}}}}
    {{{{ end }}}}
    {{{{ if .spec.initContainers }}}}
    initContainerStatuses:{WAITS % "initContainers"}
    {{{{ end }}}}
    containerStatuses:{WAITS % "containers"}
    hostIP: {{{{ NodeIPWith .spec.nodeName | Quote }}}}
    podIP: {{{{ PodIPWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) "" "" | Quote }}}}
    phase: Pending
    """,
        next={"event": {"type": "Normal", "reason": "Created", "message": "Created container"}},
        **said("pod-create", 1000, 5000),
    ),
    stage(
        "pod-init",
        "Pod",
        [ALIVE, (INITIALIZED, "NotIn", "True"), (".status.initContainerStatuses.[].state.waiting.reason", "Exists")],
        """
        {{ $now := Now }}
        {{ $root := . }}
        conditions:
        - {type: Initialized, status: "True", reason: "", lastTransitionTime: {{ $now | Quote }}}
        initContainerStatuses:
        {{ range $index, $item := .spec.initContainers }}
        {{ $origin := index $root.status.initContainerStatuses $index }}
        - image: {{ $origin.image | Quote }}
          name: {{ $item.name | Quote }}
          restartCount: {{ add1 (or $origin.restartCount 0) }}
          state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}}}
        {{ end }}
        """,
        **said("pod-init", 1000, 5000),
    ),
    stage(
        "pod-ready",
        "Pod",
        [
            ALIVE,
            (".status.phase", "In", "Pending"),
            (INITIALIZED, "In", "True"),
            (".status.containerStatuses.[].state.running.startedAt", "DoesNotExist"),
        ],
        """
        {{ $now := Now }}
        conditions:
        - {lastProbeTime: null, lastTransitionTime: {{ $now | Quote }}, message: '', status: "True", type: Ready}
        containerStatuses:
        {{ range $index, $item := .spec.containers }}
        - {image: {{ $item.image | Quote }}, name: {{ $item.name | Quote }}, state: {running: {startedAt: {{ $now }}}}}
        {{ end }}
        phase: Running
        """,
        next={"delete": False},
        **said("pod-ready", 1000, 5000),
    ),
    stage(
        "pod-complete",
        "Pod",
        [ALIVE, (".status.phase", "In", "Running"), (".metadata.ownerReferences.[].kind", "In", "Job")],
        "phase: Succeeded",
        **said("pod-complete", 1000, 5000),
    ),
    stage(
        "pod-delete",
        "Pod",
        [DELETED, (".metadata.finalizers", "DoesNotExist")],
        delay={
            "durationMilliseconds": 1000,
            "jitterDurationFrom": {"expressionFrom": ".metadata.deletionTimestamp"},
        },
        next={"delete": True},
    ),
]
CHAOS = [
    *GENERAL,
    stage(
        "pod-breaks",
        "Pod",
        [ALIVE, ('.metadata.labels["breaks.example.com"]', "In", "true"), (".status.phase", "In", "Running")],
        """
        {{ $annotations := or .metadata.annotations dict }}
        {{ $name := or ( index $annotations "breaks.example.com/container" ) "" }}
        {{ $reason := or ( index $annotations "breaks.example.com/reason" ) "Broken" }}
        {{ $code := or ( index $annotations "breaks.example.com/exit-code" ) 1 }}
        containerStatuses:
        {{ range $index, $item := .spec.containers }}
        {{ if or ( not $name ) ( eq $item.name $name ) }}
        - {name: {{ $item.name }}, image: i, state: {terminated: {exitCode: {{ $code }}, reason: {{ $reason }}}}}
        {{ else }}
        - {name: {{ $item.name }}, image: i, state: {running: {startedAt: {{ Now | Quote }}}}}
        {{ end }}
        {{ end }}
        phase: Failed
        """,
        **said("breaks", 1000, 1000) | {"weight": 10000},
    ),
    stage(
        "node-breaks",
        "Node",
        [('.metadata.labels["breaks.example.com"]', "In", "true"), (".status.phase", "In", "Running")],
        """
        {{ $annotations := or .metadata.annotations dict }}
        {{ $type := or ( index $annotations "breaks.example.com/type" ) "" }}
        conditions:
        {{ range NodeConditions }}
        {{ if eq .type "Ready" }}
        - {type: {{ .type }}, status: "False", reason: nodeFailed, lastHeartbeatTime: {{ Now | Quote }}}
        {{ else if eq .type $type }}
        - {type: {{ .type }}, status: "True", reason: nodeFailed, lastHeartbeatTime: {{ Now | Quote }}}
        {{ else }}
        - {type: {{ .type }}, status: {{ .status | Quote }}, reason: {{ .reason }}}
        {{ end }}
        {{ end }}
        """,
        **said("breaks", 1000, 1000) | {"weight": 10000},
    ),
]
VOLUMES = [
    stage(
        "claim-is-provisioned",
        "PersistentVolumeClaim",
        [("self.spec.storageClassName == 'fake'", "cel"), ("!has(self.spec.volumeName)", "cel")],
        steps=[
            {
                "apply": {
                    "template": textwrap.dedent("""
                    apiVersion: v1
                    kind: PersistentVolume
                    metadata:
                      name: pvc-{{ .metadata.uid }}
                    spec:
                      accessModes:
                      {{ YAML .spec.accessModes 2 }}
                      capacity:
                      {{ YAML .spec.resources.requests 2 }}
                      persistentVolumeReclaimPolicy: {{ default "Delete" .spec.reclaimPolicy | Quote }}
                      storageClassName: {{ .spec.storageClassName | Quote }}
                      claimRef:
                        apiVersion: {{ .apiVersion | Quote }}
                        kind: {{ .kind | Quote }}
                        name: {{ .metadata.name | Quote }}
                        namespace: {{ .metadata.namespace | Quote }}
                        uid: {{ .metadata.uid | Quote }}
                      hostPath: {path: "/fake/{{ .metadata.name }}"}
                    """)
                }
            },
            {"patch": {"root": "spec", "template": "volumeName: pvc-{{ .metadata.uid }}"}},
            {"patch": {"root": "status", "subresource": "status", "template": "phase: Bound"}},
        ],
    ),
]


def node(name="fake", **metadata):
    annotations = {"kwok.x-k8s.io/node": "fake", **metadata.pop("annotations", {})}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "annotations": annotations, **metadata}}


def pod(name, on="fake", init=(), **metadata):
    containers = [{"name": each, "image": "i"} for each in "ab"]
    spec = {"nodeName": on, "restartPolicy": "Never", "containers": containers, "initContainers": list(init)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata}, "spec": spec}


def played(stages, *objects, minutes=1):
    cluster = settle(Cluster.boot(Topology(nodes=1, stages=stages), seed=5)).cluster
    for each in objects:
        cluster, response = apply(cluster, each)
        assert response.ok, response.body
    return run(cluster, until=cluster.now + minutes * MINUTE).cluster


INIT = {"name": "i", "image": "i"}
SLOW = {f"pod-ready.example.com/{key}": "1h" for key in ("delay", "jitter")}
SIDECAR = {**INIT, "name": "s", "restartPolicy": "Always"}


def test_fast_stages():
    settings = {"nodeIP": "10.9.0.1", "nodePort": 10250}
    configuration = {"apiVersion": "config.kwok.x-k8s.io/v1alpha1", "kind": "KwokConfiguration", "options": settings}
    cluster = played([*FAST, configuration], node(), pod("web", init=[INIT, SIDECAR], finalizers=["example.com/x"]))
    status = cluster.get("nodes", "fake").status
    assert (status.phase, status.daemon_endpoints.kubelet_endpoint.port) == ("Running", 10250)
    assert status.addresses[0].address == "10.9.0.1"
    status = cluster.get("pods", "web").status
    assert (status.phase, status.host_ip, status.pod_ips[0].ip) == ("Running", "10.9.0.1", "10.0.0.1")
    assert [each.state.running is None for each in status.init_container_statuses] == [True, False]
    cluster, _ = ask(cluster, Request(verb="delete", resource="pods", namespace="default", name="web"))
    assert settle(cluster).cluster.get("pods", "web") is None


def test_general_stages():
    cluster = played(GENERAL, node(), pod("web", init=[INIT]), pod("slow", annotations=SLOW))
    status = cluster.get("pods", "web").status
    assert (status.phase, status.init_container_statuses[0].restart_count) == ("Running", 1)
    assert find(status.conditions, "Initialized").reason in (None, "")
    assert cluster.get("pods", "slow").status.phase == "Pending"
    beat = find(cluster.get("nodes", "fake").status.conditions, "Ready").last_heartbeat_time.instant
    assert cluster.now - beat <= 26 * SECOND
    cluster, _ = ask(cluster, Request(verb="delete", resource="pods", namespace="default", name="web"))
    assert run(cluster, until=cluster.now + MINUTE).cluster.get("pods", "web") is None


def test_chaos_stages():
    broken = {"breaks.example.com": "true"}
    cluster = played(
        CHAOS,
        node(),
        node("lost", labels=broken, annotations={"breaks.example.com/type": "DiskPressure"}),
        pod(
            "bad", labels=broken, annotations={"breaks.example.com/container": "b", "breaks.example.com/exit-code": "7"}
        ),
        pod("good"),
    )
    status = cluster.get("pods", "bad").status
    a, b = status.container_statuses
    assert (status.phase, a.state.terminated, b.state.terminated.exit_code) == ("Failed", None, 7)
    assert cluster.get("pods", "good").status.phase == "Running"
    conditions = cluster.get("nodes", "lost").status.conditions
    assert [find(conditions, kind).status for kind in ("Ready", "DiskPressure")] == ["False", "True"]


def test_stages_of_volumes():
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {
            "storageClassName": "fake",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    cluster = played(VOLUMES, claim)
    bound = cluster.get("persistentvolumeclaims", "data")
    volume = cluster.get("persistentvolumes", bound.spec.volume_name)
    assert (bound.status.phase, volume.status.phase, volume.spec.host_path.path) == ("Bound", "Bound", "/fake/data")


DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "things", "kind": "Thing"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
ALLOWED = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "operator"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"kind": "User", "name": "operator", "apiGroup": "rbac.authorization.k8s.io"}],
}
THING = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "one"}, "spec": {"size": 3}}
COPY = "{apiVersion: example.com/v1, kind: Thing, metadata: {name: two}, spec: {copy: true}, status: {phase: Ready}}"


def things(username="operator"):
    return stage(
        "thing-ready",
        "Thing",
        [(".status.phase", "DoesNotExist")],
        group="example.com/v1",
        delay={"durationMilliseconds": 3000},
        steps=[
            {"event": {"reason": "Ready", "message": "size {{ .spec.size }}"}},
            {"apply": {"template": COPY}},
            {
                "patch": {
                    "root": "status",
                    "subresource": "status",
                    "template": "phase: Ready",
                    "impersonation": {"username": username},
                }
            },
        ],
    )


def test_stages_of_custom_resources_and_somebody_else():
    cluster = played([things()], DEFINITION, ALLOWED, THING)
    one, two = (cluster.store.get("things.example.com", f"default/{name}") for name in ("one", "two"))
    assert one.body["status"]["phase"] == "Ready"
    assert two.body["spec"]["copy"] is True


def test_who_is_impersonated_needs_the_right():
    cluster = played([things()], DEFINITION, THING)
    assert "status" not in cluster.store.get("things.example.com", "default/one").body


def test_a_kind_that_nobody_defines_has_no_stages():
    assert played([things()], node()).get("nodes", "fake") is not None
