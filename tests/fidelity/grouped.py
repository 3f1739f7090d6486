"""
What is asked of a server while GenericWorkload is on: Workloads, PodGroups, and pods that name a group.

Written as `cases.py` is; what a real one answered is in `grouped.jsonl.gz`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cases import APPLY, JSON_PATCH, MERGE, TABLE, kind

GATES = {"GenericWorkload": True}
HOME = "/apis/scheduling.k8s.io"
GROUPS = f"{HOME}/v1alpha2/namespaces/{{ns}}/podgroups"
WORKLOADS = f"{HOME}/v1alpha2/namespaces/{{ns}}/workloads"
PODS = "/api/v1/namespaces/{ns}/pods"
JOBS = "/apis/batch/v1/namespaces/{ns}/jobs"
GANG = {"gang": {"minCount": 3}}

Case = tuple[str, str, list[tuple[Any, ...]]]


def group(name: str = "x", **spec: Any) -> dict[str, Any]:
    """Give a group that is a gang of three, and says what is given; None takes away."""
    said = {key: value for key, value in {"schedulingPolicy": GANG, **spec}.items() if value is not None}
    return {**kind("scheduling.k8s.io/v1alpha2", "PodGroup", spec=said), "metadata": {"name": name}}


def workload(*templates: Any, **spec: Any) -> dict[str, Any]:
    """Give a workload of these templates."""
    said = {"podGroupTemplates": list(templates), **spec}
    return {**kind("scheduling.k8s.io/v1alpha2", "Workload", spec=said), "metadata": {"name": "w"}}


def template(name: str = "a", **more: Any) -> dict[str, Any]:
    """Give a template of groups."""
    return {"name": name, "schedulingPolicy": {"basic": {}}, **more}


def of(**workload: str) -> dict[str, Any]:
    """Give a reference to a template."""
    return {"workload": {"workloadName": "w", "podGroupTemplateName": "a", **workload}}


def pod(**spec: Any) -> dict[str, Any]:
    """Give a pod."""
    said = {"containers": [{"name": "c", "image": "nginx"}], **spec}
    return {**kind("v1", "Pod", spec=said), "metadata": {"name": "p"}}


def cases() -> Iterator[Case]:
    """Give every case: its name, its group, its steps."""
    yield from _groups()
    yield from _refused()
    yield from _changed()
    yield from _workloads()
    yield from _pods()
    found = [("GET", f"{HOME}{version}", None) for version in ("", "/v1", "/v1alpha2", "/v1alpha1")]
    yield "discovery", "discovery", [*found, ("GET", "/apis", None)]


def _groups() -> Iterator[Case]:
    one = f"{GROUPS}/x"
    by = {"headers": APPLY, "query": {"fieldManager": "me"}}
    for name, body in (("gang", group()), ("basic", group(schedulingPolicy={"basic": {}}))):
        yield (
            f"life/{name}",
            "groups",
            [
                ("POST", GROUPS, body),
                ("POST", GROUPS, body),
                ("GET", one, None, {"headers": TABLE}),
                ("GET", GROUPS, None, {"headers": TABLE}),
                ("GET", GROUPS, None),
                ("PUT", one, body),
                ("DELETE", one, {"propagationPolicy": "Background"}),
                ("DELETE", one, None),
            ],
        )
    yield "applied", "groups", [("PATCH", one, group(), by), ("GET", one, None)]
    yield "created-by-update", "groups", [("PUT", one, group())]
    whole = group(
        disruptionMode="PodGroup",
        priority=5,
        priorityClassName="high",
        schedulingConstraints={"topology": [{"key": "rack"}]},
        resourceClaims=[{"name": "c", "resourceClaimName": "d"}],
    )
    yield "dropped", "groups", [("POST", GROUPS, whole), ("GET", one, None)]
    said = {"type": "PodGroupScheduled", "status": "True", "reason": "Scheduled", "message": ""}
    dated = {**said, "lastTransitionTime": "2026-01-01T00:00:00Z"}
    yield (
        "status",
        "groups",
        [
            ("POST", GROUPS, {**group(), "status": {"conditions": [dated]}}),
            ("GET", f"{one}/status", None),
            ("PATCH", f"{one}/status", {"status": {"conditions": [dated]}}, {"headers": MERGE}),
            ("GET", one, None, {"headers": TABLE}),
            ("PATCH", f"{one}/status", {"status": {"conditions": [{**dated, "status": "False"}]}}, {"headers": MERGE}),
            ("GET", one, None, {"headers": TABLE}),
            ("PATCH", f"{one}/status", {"metadata": {"labels": {"a": "b"}}}, {"headers": MERGE}),
            ("PATCH", f"{one}/status", {"status": {"resourceClaimStatuses": [{"name": "c"}]}}, {"headers": MERGE}),
            ("PATCH", one, {"status": {"conditions": None}}, {"headers": MERGE}),
        ],
    )


def _refused() -> Iterator[Case]:
    bodies = {
        "no-policy": group(schedulingPolicy=None),
        "empty-policy": group(schedulingPolicy={}),
        "both": group(schedulingPolicy={"basic": {}, **GANG}),
        "no-count": group(schedulingPolicy={"gang": {}}),
        "zero": group(schedulingPolicy={"gang": {"minCount": 0}}),
        "negative": group(schedulingPolicy={"gang": {"minCount": -1}}),
        "no-template": group(podGroupTemplateRef={}),
        "empty-template": group(podGroupTemplateRef={"workload": {}}),
        "bad-template": group(podGroupTemplateRef=of(workloadName="A b", podGroupTemplateName="a.b")),
        "no-workload": group(podGroupTemplateRef=of()),
        "name": group("A_b"),
        "no-spec": {**kind("scheduling.k8s.io/v1alpha2", "PodGroup"), "metadata": {"name": "x"}},
        "type": group(schedulingPolicy={"gang": {"minCount": "3"}}),
        "unknown": group(colour="red"),
    }
    for name, body in bodies.items():
        strict = {"query": {"fieldValidation": "Strict"}}
        yield f"refused/{name}", "groups", [("POST", GROUPS, body, strict)]


def _changed() -> Iterator[Case]:
    one = f"{GROUPS}/x"
    create = ("POST", GROUPS, group())
    changes: dict[str, Any] = {
        "count": {"spec": {"schedulingPolicy": {"gang": {"minCount": 4}}}},
        "policy": {"spec": {"schedulingPolicy": {"gang": None, "basic": {}}}},
        "template": {"spec": {"podGroupTemplateRef": of()}},
        "mode": {"spec": {"disruptionMode": "PodGroup"}},
        "priority": {"spec": {"priority": 7}},
        "labels": {"metadata": {"labels": {"a": "b"}}},
        "finalizers": {"metadata": {"finalizers": None}},
    }
    for name, change in changes.items():
        yield f"changed/{name}", "groups", [create, ("PATCH", one, change, {"headers": MERGE})]
    removed = [{"op": "remove", "path": "/spec/schedulingPolicy"}]
    yield "changed/removed", "groups", [create, ("PATCH", one, removed, {"headers": JSON_PATCH})]
    yield (
        "with-workload",
        "groups",
        [
            ("POST", WORKLOADS, workload(template())),
            ("POST", GROUPS, group(podGroupTemplateRef=of())),
            ("GET", one, None, {"headers": TABLE}),
            ("POST", GROUPS, group("y", podGroupTemplateRef=of(podGroupTemplateName="b"))),
            ("PATCH", one, {"spec": {"podGroupTemplateRef": None}}, {"headers": MERGE}),
        ],
    )


def _workloads() -> Iterator[Case]:
    one = f"{WORKLOADS}/w"
    body = workload(template(), template("b", schedulingPolicy=GANG))
    job = {"apiGroup": "batch", "kind": "Job", "name": "j"}
    yield (
        "workload/life",
        "workloads",
        [
            ("POST", WORKLOADS, body),
            ("POST", WORKLOADS, body),
            ("GET", one, None, {"headers": TABLE}),
            ("GET", WORKLOADS, None),
            ("PUT", one, body),
            ("PATCH", one, {"metadata": {"labels": {"a": "b"}}}, {"headers": MERGE}),
            ("PATCH", one, {"spec": {"controllerRef": job}}, {"headers": MERGE}),
            ("PATCH", one, {"spec": {"podGroupTemplates": [template("c")]}}, {"headers": MERGE}),
            ("GET", f"{one}/status", None),
            ("DELETE", one, None),
        ],
    )
    bodies = {
        "none": workload(),
        "no-list": {**kind("scheduling.k8s.io/v1alpha2", "Workload", spec={}), "metadata": {"name": "w"}},
        "many": workload(*[template(f"t{number}") for number in range(9)]),
        "twice": workload(template(), template()),
        "no-name": workload(template("")),
        "bad-name": workload(template("A.b")),
        "policy": workload(template(schedulingPolicy={})),
        "count": workload(template(schedulingPolicy={"gang": {"minCount": 0}})),
        "dropped": workload(template(disruptionMode="Pod", priority=3, priorityClassName="high")),
        "controller": workload(template(), controllerRef=job),
        "controller-empty": workload(template(), controllerRef={}),
        "controller-bad": workload(template(), controllerRef={"apiGroup": "A b", "kind": "a/b", "name": "..."}),
        "controller-core": workload(template(), controllerRef={"kind": "Pod", "name": "p"}),
    }
    for name, other in bodies.items():
        yield f"workload/{name}", "workloads", [("POST", WORKLOADS, other)]
    by = {"headers": APPLY, "query": {"fieldManager": "me"}}
    yield "workload/applied", "workloads", [("PATCH", one, body, by), ("PATCH", one, body, by)]


def _pods() -> Iterator[Case]:
    one = f"{PODS}/p"
    named = pod(schedulingGroup={"podGroupName": "x"})
    yield (
        "pod/life",
        "pods",
        [
            ("POST", PODS, named),
            ("PATCH", one, {"metadata": {"labels": {"a": "b"}}}, {"headers": MERGE}),
            ("PATCH", one, {"spec": {"schedulingGroup": {"podGroupName": "y"}}}, {"headers": MERGE}),
            ("PATCH", one, {"spec": {"schedulingGroup": None}}, {"headers": MERGE}),
        ],
    )
    for name, group in {"empty": {}, "bad": {"podGroupName": "A b"}, "blank": {"podGroupName": ""}}.items():
        yield f"pod/{name}", "pods", [("POST", PODS, pod(schedulingGroup=group))]
    body = {
        **kind(
            "batch/v1", "Job", spec={"suspend": True, "template": {"spec": {**named["spec"], "restartPolicy": "Never"}}}
        ),
        "metadata": {"name": "j"},
    }
    yield "pod/template", "pods", [("POST", JOBS, body), ("GET", f"{JOBS}/j", None)]
