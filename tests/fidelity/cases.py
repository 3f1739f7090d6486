"""
What is asked of a real API server and of ours: requests, by group.

A case is a list of steps that follow each other in a namespace of its own, `{ns}`; a step is (method, path, body) or
(method, path, body, options), whose options are `query`, `headers`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Step = tuple[str, str, Any, dict[str, Any]]

MERGE = {"Content-Type": "application/merge-patch+json"}
JSON_PATCH = {"Content-Type": "application/json-patch+json"}
STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}
APPLY = {"Content-Type": "application/apply-patch+yaml"}
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}

LABELS = {"app": "web"}
CONTAINER = {"name": "web", "image": "registry.example/web:1.2"}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": {"containers": [CONTAINER]}}
JOB_TEMPLATE = {"spec": {"containers": [CONTAINER], "restartPolicy": "Never"}}
SELECTOR = {"matchLabels": LABELS}


def kind(api_version: str, name: str, **parts: Any) -> dict[str, Any]:
    """Give an object called `x` of a kind."""
    metadata = {"name": "x", **parts.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": name, "metadata": metadata, **parts}


# The plural of each namespaced kind, its path, and a small object of it.
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "pods": ("/api/v1", kind("v1", "Pod", spec={"containers": [CONTAINER]})),
    "services": ("/api/v1", kind("v1", "Service", spec={"selector": LABELS, "ports": [{"port": 80}]})),
    "configmaps": ("/api/v1", kind("v1", "ConfigMap", data={"a": "b"})),
    "secrets": ("/api/v1", kind("v1", "Secret", stringData={"a": "b"})),
    "serviceaccounts": ("/api/v1", kind("v1", "ServiceAccount")),
    "limitranges": (
        "/api/v1",
        kind("v1", "LimitRange", spec={"limits": [{"type": "Container", "max": {"cpu": "2"}, "min": {"cpu": "10m"}}]}),
    ),
    "resourcequotas": ("/api/v1", kind("v1", "ResourceQuota", spec={"hard": {"pods": "3", "requests.cpu": "2"}})),
    "podtemplates": ("/api/v1", kind("v1", "PodTemplate", template=TEMPLATE)),
    "replicationcontrollers": (
        "/api/v1",
        kind("v1", "ReplicationController", spec={"replicas": 0, "selector": LABELS, "template": TEMPLATE}),
    ),
    "persistentvolumeclaims": (
        "/api/v1",
        kind(
            "v1",
            "PersistentVolumeClaim",
            spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        ),
    ),
    "deployments": (
        "/apis/apps/v1",
        kind("apps/v1", "Deployment", spec={"replicas": 0, "selector": SELECTOR, "template": TEMPLATE}),
    ),
    "replicasets": (
        "/apis/apps/v1",
        kind("apps/v1", "ReplicaSet", spec={"replicas": 0, "selector": SELECTOR, "template": TEMPLATE}),
    ),
    "daemonsets": ("/apis/apps/v1", kind("apps/v1", "DaemonSet", spec={"selector": SELECTOR, "template": TEMPLATE})),
    "statefulsets": (
        "/apis/apps/v1",
        kind(
            "apps/v1",
            "StatefulSet",
            spec={"replicas": 0, "serviceName": "x", "selector": SELECTOR, "template": TEMPLATE},
        ),
    ),
    "jobs": ("/apis/batch/v1", kind("batch/v1", "Job", spec={"suspend": True, "template": JOB_TEMPLATE})),
    "cronjobs": (
        "/apis/batch/v1",
        kind(
            "batch/v1",
            "CronJob",
            spec={"suspend": True, "schedule": "5 4 * * *", "jobTemplate": {"spec": {"template": JOB_TEMPLATE}}},
        ),
    ),
    "horizontalpodautoscalers": (
        "/apis/autoscaling/v2",
        kind(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            spec={"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}},
        ),
    ),
    "ingresses": (
        "/apis/networking.k8s.io/v1",
        kind(
            "networking.k8s.io/v1",
            "Ingress",
            spec={"defaultBackend": {"service": {"name": "x", "port": {"number": 80}}}},
        ),
    ),
    "networkpolicies": ("/apis/networking.k8s.io/v1", kind("networking.k8s.io/v1", "NetworkPolicy", spec={})),
    "poddisruptionbudgets": (
        "/apis/policy/v1",
        kind("policy/v1", "PodDisruptionBudget", spec={"minAvailable": 1, "selector": SELECTOR}),
    ),
    "roles": (
        "/apis/rbac.authorization.k8s.io/v1",
        kind(
            "rbac.authorization.k8s.io/v1",
            "Role",
            rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
        ),
    ),
    "rolebindings": (
        "/apis/rbac.authorization.k8s.io/v1",
        kind(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x"},
            subjects=[{"kind": "ServiceAccount", "name": "x", "namespace": "x"}],
        ),
    ),
    "leases": ("/apis/coordination.k8s.io/v1", kind("coordination.k8s.io/v1", "Lease", spec={"holderIdentity": "me"})),
    "endpointslices": (
        "/apis/discovery.k8s.io/v1",
        kind(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            addressType="IPv4",
            endpoints=[{"addresses": ["192.0.2.7"]}],
            ports=[{"port": 80}],
        ),
    ),
    "controllerrevisions": ("/apis/apps/v1", kind("apps/v1", "ControllerRevision", revision=1)),
}


def at(plural: str, name: str = "", subresource: str = "") -> str:
    """Give the path of a resource in the case's namespace, of an object of it, or of its subresource."""
    path = f"{KINDS[plural][0]}/namespaces/{{ns}}/{plural}"
    return "/".join([path, *[part for part in (name, subresource) if part]])


def cases() -> Iterator[tuple[str, str, list[tuple[Any, ...]]]]:
    """Give every case: its name, its group, its steps."""
    for plural in KINDS:
        yield from _of_kind(plural)
    yield from _validation()
    yield from _patches()
    yield from _applies()
    yield from _reading()
    yield from _deleting()
    yield from _wire()
    yield from _discovery()


def _of_kind(plural: str) -> Iterator[tuple[str, str, list[tuple[Any, ...]]]]:
    body = KINDS[plural][1]
    renamed = {**body, "metadata": {**body["metadata"], "name": "other"}}
    labelled = {"metadata": {"labels": {"tier": "front"}}}
    yield f"{plural}/defaults", "defaulting", [("POST", at(plural), body)]
    yield (
        f"{plural}/life",
        "kinds",
        [
            ("POST", at(plural), body),
            ("POST", at(plural), body),
            ("GET", at(plural, "x"), None, {"headers": TABLE}),
            ("GET", at(plural), None, {"headers": TABLE}),
            ("PATCH", at(plural, "x"), labelled, {"headers": MERGE}),
            ("PUT", at(plural, "x"), renamed),
            ("DELETE", at(plural, "x"), {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}),
            ("GET", at(plural, "x"), None),
            ("DELETE", at(plural, "x"), None),
        ],
    )
    bad = {**body, "metadata": {"name": "Not_A_Name", "labels": {"-": "no good"}}}
    unknown = {**body, "colour": "red"}
    yield (
        f"{plural}/refused",
        "validation",
        [
            ("POST", at(plural), bad),
            ("POST", at(plural), unknown, {"query": {"fieldValidation": "Strict"}}),
            ("POST", at(plural), {**body, "kind": "Nothing"}),
            ("POST", at(plural), {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": {"name": "x"}}),
        ],
    )
    yield f"{plural}/apply", "apply", [("PATCH", at(plural, "x"), body, {"headers": APPLY, "query": _BY_ME})]


_BY_ME = {"fieldManager": "me"}
_BY_YOU = {"fieldManager": "you"}


def _pod(**spec: Any) -> dict[str, Any]:
    return kind("v1", "Pod", spec={"containers": [CONTAINER], **spec})


def _with(**container: Any) -> dict[str, Any]:
    return kind("v1", "Pod", spec={"containers": [{**CONTAINER, **container}]})


def _validation() -> Iterator[tuple[str, str, list[tuple[Any, ...]]]]:
    pods = {
        "restart-policy": _pod(restartPolicy="Sometimes"),
        "dns-policy": _pod(dnsPolicy="None"),
        "no-containers": _pod(containers=[]),
        "two-of-a-name": _pod(containers=[CONTAINER, CONTAINER]),
        "priority": _pod(priorityClassName="nope"),
        "node-selector": _pod(nodeSelector={"a b": "c"}),
        "toleration": _pod(tolerations=[{"operator": "Exists", "value": "x"}]),
        "grace": _pod(terminationGracePeriodSeconds=-1),
        "deadline": _pod(activeDeadlineSeconds=0),
        "hostname": _pod(hostname="Bad_Host"),
        "volume-twice": _pod(volumes=[{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}]),
        "volume-without-source": _pod(volumes=[{"name": "v"}]),
        "volume-two-sources": _pod(volumes=[{"name": "v", "emptyDir": {}, "hostPath": {"path": "/x"}}]),
        "gates": _pod(schedulingGates=[{"name": "not a name"}]),
        "spread": _pod(topologySpreadConstraints=[{"maxSkew": 0, "topologyKey": "z", "whenUnsatisfiable": "Maybe"}]),
        "account": _pod(serviceAccountName="nobody"),
        "image": _with(image=""),
        "pull-policy": _with(imagePullPolicy="Whenever"),
        "port": _with(ports=[{"containerPort": 70000}]),
        "port-twice": _with(ports=[{"containerPort": 80, "hostPort": 80}, {"containerPort": 80, "hostPort": 80}]),
        "protocol": _with(ports=[{"containerPort": 80, "protocol": "ICMP"}]),
        "mount": _with(volumeMounts=[{"name": "nope", "mountPath": "/x"}]),
        "env": _with(env=[{"name": "A", "value": "b", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
        "env-name": _with(env=[{"name": "a=b", "value": "c"}]),
        "field-ref": _with(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nope"}}}]),
        "limits": _with(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
        "quantity": _with(resources={"requests": {"cpu": "lots"}}),
        "resource-name": _with(resources={"requests": {"what": "1"}}),
        "probe": _with(livenessProbe={"httpGet": {"path": "/", "port": 0}, "periodSeconds": -1}),
        "probe-two": _with(readinessProbe={"exec": {"command": ["a"]}, "tcpSocket": {"port": 1}}),
        "lifecycle": _with(lifecycle={"preStop": {}}),
        "caps": _with(securityContext={"runAsUser": -1}),
        "type": _with(ports="none"),
    }
    for name, body in pods.items():
        yield f"pod/{name}", "validation", [("POST", at("pods"), body)]
    services = {
        "no-ports": {"selector": LABELS},
        "type": {"type": "Strange", "ports": [{"port": 80}]},
        "external-name": {"type": "ExternalName", "externalName": "not a name"},
        "ports-unnamed": {"ports": [{"port": 80}, {"port": 81}]},
        "ports-twice": {"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 80}]},
        "cluster-ip": {"clusterIP": "10.300.0.1", "ports": [{"port": 80}]},
        "node-port": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 1}]},
        "affinity": {"sessionAffinity": "Sticky", "ports": [{"port": 80}]},
    }
    for name, spec in services.items():
        body = kind("v1", "Service", spec=spec)
        yield f"service/{name}", "validation", [("POST", at("services"), body)]
    deployment = KINDS["deployments"][1]
    specs = {
        "selector": {"selector": {"matchLabels": {"app": "other"}}},
        "replicas": {"replicas": -1},
        "strategy": {"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}},
        "bounds": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}},
        "percent": {"strategy": {"rollingUpdate": {"maxSurge": "ten"}}},
        "deadline": {"progressDeadlineSeconds": 1, "minReadySeconds": 5},
    }
    for name, spec in specs.items():
        body = {**deployment, "spec": {**deployment["spec"], **spec}}
        yield f"deployment/{name}", "validation", [("POST", at("deployments"), body)]


def _patches() -> Iterator[tuple[str, str, list[tuple[Any, ...]]]]:
    create = ("POST", at("deployments"), KINDS["deployments"][1])
    path = at("deployments", "x")
    side = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "side"}]}}}}
    gone = {
        "spec": {
            "template": {"spec": {"containers": [{"name": "web", "$patch": "delete"}, {"name": "n", "image": "n"}]}}
        }
    }
    yield "patch/strategic", "patches", [create, ("PATCH", path, side, {"headers": STRATEGIC})]
    yield "patch/strategic-delete", "patches", [create, ("PATCH", path, gone, {"headers": STRATEGIC})]
    yield "patch/merge-replaces-lists", "patches", [create, ("PATCH", path, side, {"headers": MERGE})]
    yield "patch/merge-null", "patches", [create, ("PATCH", path, {"spec": {"replicas": None}}, {"headers": MERGE})]
    yield (
        "patch/retain-keys",
        "patches",
        [
            create,
            (
                "PATCH",
                path,
                {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
                {"headers": STRATEGIC},
            ),
        ],
    )
    for name, operations in {
        "replace": [{"op": "replace", "path": "/spec/replicas", "value": 0}],
        "add": [{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}],
        "test-fails": [{"op": "test", "path": "/spec/replicas", "value": 7}],
        "remove-missing": [{"op": "remove", "path": "/metadata/annotations"}],
        "append": [{"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "b", "image": "b"}}],
        "no-operation": [{"op": "twist", "path": "/spec"}],
        "no-list": {"op": "add"},
    }.items():
        yield f"patch/json-{name}", "patches", [create, ("PATCH", path, operations, {"headers": JSON_PATCH})]
    immutable = {"spec": {"selector": {"matchLabels": {"app": "new"}}}}
    yield "patch/immutable", "patches", [create, ("PATCH", path, immutable, {"headers": MERGE})]
    yield "patch/missing", "patches", [("PATCH", path, side, {"headers": MERGE})]
    yield "patch/text", "patches", [create, ("PATCH", path, {}, {"headers": {"Content-Type": "text/plain"}})]
    yield (
        "patch/scale",
        "patches",
        [
            create,
            ("GET", f"{path}/scale", None),
            ("PATCH", f"{path}/scale", {"spec": {"replicas": 0}}, {"headers": MERGE}),
        ],
    )


def _applies() -> Iterator[tuple[str, str, list[tuple[Any, ...]]]]:
    path = at("configmaps", "x")
    mine = kind("v1", "ConfigMap", data={"a": "1", "b": "2"})
    yours = kind("v1", "ConfigMap", data={"b": "3", "c": "4"})
    less = kind("v1", "ConfigMap", data={"a": "1"})

    def by(body: Any, who: dict[str, str], **more: str) -> tuple[Any, ...]:
        return ("PATCH", path, body, {"headers": APPLY, "query": {**who, **more}})

    yield "apply/conflict", "apply", [by(mine, _BY_ME), by(yours, _BY_YOU), by(yours, _BY_YOU, force="true")]
    yield "apply/gives-up", "apply", [by(mine, _BY_ME), by(less, _BY_ME)]
    yield "apply/shared", "apply", [by(mine, _BY_ME), by(mine, _BY_YOU), by(less, _BY_ME), by(less, _BY_YOU)]
    yield "apply/without-manager", "apply", [("PATCH", path, mine, {"headers": APPLY})]
    yield (
        "apply/after-update",
        "apply",
        [
            ("POST", at("configmaps"), mine),
            by(yours, _BY_YOU),
            by(yours, _BY_YOU, force="true"),
        ],
    )
    yield "apply/another-version", "apply", [by({**mine, "apiVersion": "v2"}, _BY_ME)]
    ports = [{"port": 80, "name": "a"}, {"port": 80, "protocol": "UDP", "name": "b"}]
    service = kind("v1", "Service", spec={"selector": LABELS, "ports": ports})
    yield "apply/ports", "apply", [("PATCH", at("services", "x"), service, {"headers": APPLY, "query": _BY_ME})]


def _reading() -> Iterator[tuple[str, str, list[tuple[Any, ...]]]]:
    maps = [
        ("POST", at("configmaps"), kind("v1", "ConfigMap", metadata={"name": f"m{n}", "labels": {"n": str(n)}}))
        for n in range(4)
    ]

    def listed(**query: str) -> tuple[Any, ...]:
        return ("GET", at("configmaps"), None, {"query": {"labelSelector": "n", **query}})

    yield (
        "list/labels",
        "reading",
        [
            *maps,
            listed(),
            listed(labelSelector="n in (1,3)"),
            listed(labelSelector="n notin (1,3),n"),
            listed(labelSelector="!n,x"),
            listed(labelSelector="n in 1"),
            listed(fieldSelector="metadata.name=m2"),
            listed(fieldSelector="metadata.name!=m2"),
            listed(fieldSelector="data.a=b"),
            listed(limit="2"),
            listed(limit="x"),
            listed(resourceVersion="nope"),
            listed(resourceVersionMatch="Exact"),
            listed(**{"continue": "nope"}),
        ],
    )
    yield (
        "get/missing",
        "reading",
        [("GET", at("configmaps", "nope"), None), ("GET", at("configmaps", "x", "nope"), None)],
    )
    yield (
        "get/no-resource",
        "reading",
        [
            ("GET", "/api/v1/namespaces/{ns}/wheels", None),
            ("GET", "/apis/nope.example/v1/wheels", None),
            ("POST", "/api/v1/namespaces/{ns}", {}),
            ("DELETE", "/api/v1/nodes/nope/status", None),
        ],
    )


def _deleting() -> Iterator[tuple[str, str, list[tuple[Any, ...]]]]:
    held = kind("v1", "ConfigMap", metadata={"finalizers": ["example.com/hold"]})
    path = at("configmaps", "x")
    yield (
        "delete/finalizer",
        "deleting",
        [
            ("POST", at("configmaps"), held),
            ("DELETE", path, None),
            ("DELETE", path, None),
            ("PATCH", path, {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}}, {"headers": MERGE}),
            ("PATCH", path, {"metadata": {"finalizers": None}}, {"headers": MERGE}),
            ("GET", path, None),
        ],
    )
    yield (
        "delete/preconditions",
        "deleting",
        [
            ("POST", at("configmaps"), kind("v1", "ConfigMap")),
            ("DELETE", path, {"preconditions": {"uid": "nope"}}),
            ("DELETE", path, {"preconditions": {"resourceVersion": "1"}}),
            ("DELETE", path, {"propagationPolicy": "Sideways"}),
            ("DELETE", path, {"dryRun": ["All"]}),
            ("DELETE", path, {"propagationPolicy": "Foreground"}),
        ],
    )
    yield (
        "delete/collection",
        "deleting",
        [
            ("POST", at("secrets"), kind("v1", "Secret", metadata={"name": "a", "labels": {"k": "v"}})),
            ("POST", at("secrets"), kind("v1", "Secret", metadata={"name": "b"})),
            ("DELETE", at("secrets"), None, {"query": {"labelSelector": "k=v"}}),
            ("GET", at("secrets"), None),
        ],
    )
    yield (
        "delete/immortal",
        "deleting",
        [
            ("DELETE", "/api/v1/namespaces/default", None),
            ("DELETE", "/apis/scheduling.k8s.io/v1/priorityclasses/system-node-critical", None),
        ],
    )


def _wire() -> Iterator[tuple[str, str, list[tuple[Any, ...]]]]:
    path = at("configmaps")
    body = kind("v1", "ConfigMap")
    yield (
        "wire/bodies",
        "wire",
        [
            ("POST", path, "{"),
            ("POST", path, "[]"),
            ("POST", path, ""),
            ("POST", path, '{"a": 1} {}'),
            ("POST", path, '{"apiVersion": "v1"}'),
            ("POST", path, {**body, "data": {"a": 1}}),
            ("POST", path, {**body, "data": []}),
            ("POST", path, {**body, "immutable": "yes"}),
            ("POST", path, {**body, "metadata": {"name": "x", "namespace": "elsewhere"}}),
            ("POST", path, {**body, "metadata": {"name": "x", "resourceVersion": "7"}}),
            ("POST", path, '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"a":"b"},"data":{}}'),
            ("POST", path, body, {"query": {"dryRun": "Some"}}),
            ("POST", path, body, {"query": {"fieldValidation": "Lax"}}),
            ("POST", path, body, {"headers": {"Content-Type": "application/xml"}}),
            ("POST", path, body, {"headers": {"Accept": "application/xml"}}),
            ("POST", path, body, {"query": {"dryRun": "All"}}),
        ],
    )


def _discovery() -> Iterator[tuple[str, str, list[tuple[Any, ...]]]]:
    for group in ("apps", "batch", "policy", "networking.k8s.io", "storage.k8s.io", "rbac.authorization.k8s.io"):
        yield f"discovery/{group}", "discovery", [("GET", f"/apis/{group}", None), ("GET", f"/apis/{group}/v1", None)]
    yield "discovery/core", "discovery", [("GET", "/api/v1", None), ("GET", "/readyz", None), ("GET", "/nope", None)]
