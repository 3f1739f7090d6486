"""
Hypothesis strategies for schedules: manifests that make sense, and what happens to them.

    @given(schedules(hosts=("node-1", "node-2")))
    def test_it_converges(schedule):
        assert not play(boot, schedule).problems
"""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from reconcile.events import (
    CutLink,
    Disconnect,
    HoldCache,
    MendLink,
    Reconnect,
    ReleaseCache,
    SlowLink,
    StartHost,
    StartProcess,
    StopHost,
    StopProcess,
)
from reconcile.lib.instant import MILLISECOND, SECOND
from reconcile.testing.moves import Declare, Lag, Move, Resize, Schedule, Strike, Wait, Wander, Withdraw

__all__ = ["IMAGES", "STEADY", "STRIKES", "TIMES", "manifests", "moves", "outages", "schedules"]

IMAGES: Final[dict[str, Any]] = {
    "images": {
        "web:1": "pull 2s, start 500ms",
        "web:2": "pull 1s..5s, start 100ms..2s, stop 0s..3s",
        "web:3": "preloaded, start 100ms, ready after 3s",
        "slow:1": "preloaded, start 1s, ignores SIGTERM",
        "flaky:1": "pull 1s, start 500ms, exit 1 after 1s..20s with probability 1/3",
        "task:1": "preloaded, start 500ms, exit 0 after 2s",
    }
}
"""How the images behave that the manifests name (`Behaviours.parse`): quick, slow, one that clings, one that fails."""

STEADY: Final = ("web:1", "web:2", "web:3", "slow:1")
"""Those that run on once they run."""

_TEMPLATES: Final = (
    "Deployment",
    "Deployment",
    "Deployment",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
    "StatefulSet",
    "DaemonSet",
    "Job",
)
# What replaces its pods when its template changes.
_ROLLING: Final = ("Deployment", "StatefulSet", "DaemonSet")
_NAMES: Final = ("a", "b", "c")
_REPLICAS: Final = st.sampled_from((2, 3, 4, 1, 0))
_AMOUNTS: Final = st.sampled_from((0, 1, 0, 1, 2, 4, "0%", "10%", "25%", "50%", "100%"))
_REQUESTS: Final = st.sampled_from(
    (
        None,
        None,
        None,
        None,
        None,
        None,
        {"cpu": "10m"},
        {"cpu": "100m", "memory": "64Mi"},
        {"cpu": "250m"},
        {"cpu": "64"},
    )
)
_PLACES: Final = st.sampled_from(
    (None, None, None, {"kubernetes.io/os": "linux"}, {"kubernetes.io/hostname": "node-1"})
)
_DAEMONS: Final = st.sampled_from(
    ({"maxUnavailable": 2}, {"maxUnavailable": "50%"}, {"maxSurge": 1, "maxUnavailable": 0})
)
_PROBE: Final = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 1}


@st.composite
def manifests(draw: st.DrawFn, images: tuple[str, ...] = STEADY) -> tuple[dict[str, Any], ...]:
    """Draw one to three workloads, perhaps a service for one of them, perhaps a pod of its own."""
    count = draw(st.sampled_from((1, 1, 2, 3)))
    found = [draw(_workload(name, images)) for name in _NAMES[:count]]
    if draw(st.booleans()):
        found.insert(draw(st.integers(0, count)), _service("s", draw(st.sampled_from(_NAMES[:count]))))
    if draw(st.sampled_from((False, False, True))):
        found.append(draw(_bare("p", images)))
    return tuple(found)


@st.composite
def _workload(
    draw: st.DrawFn, name: str, images: tuple[str, ...], kind: str = "", *, recreates: bool | None = None
) -> dict[str, Any]:
    kind = kind or draw(st.sampled_from(_TEMPLATES))
    if kind == "Job":
        return _job(
            name,
            draw(st.sampled_from((1, 2, 4))),
            draw(st.sampled_from((1, 2, 3))),
            draw(st.sampled_from(("NonIndexed", "Indexed"))),
        )
    template = {"metadata": {"labels": {"app": name}}, "spec": draw(_pod_spec(images))}
    spec: dict[str, Any] = {"template": template}
    if kind != "DaemonSet":
        spec["replicas"] = draw(_REPLICAS)
    if kind == "Deployment":
        spec |= draw(_strategy(recreates=recreates))
    elif kind == "StatefulSet":
        # Pods in order are not to be changed to pods in parallel: the field is immutable. So it goes by the name.
        spec |= {"serviceName": name, "podManagementPolicy": "Parallel" if name == "b" else "OrderedReady"}
    elif kind == "DaemonSet" and draw(st.booleans()):
        spec["updateStrategy"] = {"rollingUpdate": draw(_DAEMONS)}
    spec["selector"] = {"app": name} if kind == "ReplicationController" else {"matchLabels": {"app": name}}
    version = "v1" if kind == "ReplicationController" else "apps/v1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _job(name: str, completions: int, parallelism: int, mode: str) -> dict[str, Any]:
    """Give a Job whose pods are made anew for as long as what they run on fails them."""
    container = {"name": "main", "image": "task:1"}
    pod = {"restartPolicy": "OnFailure", "containers": [container]}
    spec = {
        "completions": completions,
        "parallelism": parallelism,
        "completionMode": mode,
        "backoffLimit": 100,
        "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


@st.composite
def _strategy(draw: st.DrawFn, *, recreates: bool | None) -> dict[str, Any]:
    """
    Draw how a Deployment replaces its pods; one that is there keeps the kind of its strategy.

    For upstream's deployment controller stands still if a Deployment is changed to Recreate and scaled in the midst of
    a rolling update (https://github.com/kubernetes/kubernetes/issues/125568): it is to scale first, and shares replicas
    among several active ReplicaSets only if it is rolling.
    """
    hows = {None: ("default", "rolling", "rolling", "recreate"), True: ("recreate",), False: ("default", "rolling")}
    how = draw(st.sampled_from(hows[recreates]))
    if how == "default":
        return {}
    if how == "recreate":
        return {"strategy": {"type": "Recreate"}}
    surge, missing = draw(_AMOUNTS), draw(_AMOUNTS)
    if str(surge).rstrip("%") == "0" and str(missing).rstrip("%") == "0":
        missing = 1
    rolling = {"maxSurge": surge, "maxUnavailable": missing}
    spec: dict[str, Any] = {"strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}
    if draw(st.sampled_from((False, False, True))):
        spec["minReadySeconds"] = 5
    return spec


@st.composite
def _pod_spec(draw: st.DrawFn, images: tuple[str, ...]) -> dict[str, Any]:
    image = draw(st.sampled_from(images))
    container: dict[str, Any] = {"name": "main", "image": image}
    requests, place = draw(_REQUESTS), draw(_PLACES)
    if requests is not None:
        container["resources"] = {"requests": requests}
    if image == "web:3":
        container["readinessProbe"] = _PROBE
    spec: dict[str, Any] = {"containers": [container]}
    return spec if place is None else {**spec, "nodeSelector": place}


def _service(name: str, app: str) -> dict[str, Any]:
    spec = {"selector": {"app": app}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


@st.composite
def _bare(draw: st.DrawFn, name: str, images: tuple[str, ...]) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"app": draw(st.sampled_from(("p", "q", "a")))}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": draw(_pod_spec(images))}


@st.composite
def moves(
    draw: st.DrawFn,
    declared: tuple[dict[str, Any], ...],
    hosts: tuple[str, ...] = (),
    masters: tuple[str, ...] = (),
) -> Move:
    """
    Draw a move: steps in any order, time, what users do to *declared*; with *hosts*, also something that breaks, and
    with *masters*, before which a balancer stands, what is between API servers and others.
    """
    if masters and draw(st.sampled_from((False, False, True))):
        return draw(_between(hosts, masters))
    what = draw(st.sampled_from(_FAULTY if hosts else _CALM))
    if what == "wander":
        return Wander(draw(st.integers(1, 120)), draw(st.integers(0, 2**16)))
    if what == "wait":
        return Wait(draw(TIMES))
    if what == "change":
        change: Move = draw(_changes(declared))
        return change
    if what == "strike":
        return Strike(draw(STRIKES), draw(st.integers(0, 200)))
    if what == "lag":
        return draw(_LAGS)
    outage: Move = draw(outages(hosts))
    return outage


@st.composite
def outages(draw: st.DrawFn, hosts: tuple[str, ...]) -> Move:
    """Draw what happens to one of *hosts*, or to its kubelet: it stops, is cut off from all or one, or comes back."""
    kind = draw(_OUTAGES)
    host = draw(st.sampled_from(hosts))
    if kind in (CutLink, MendLink, SlowLink):
        others = [each for each in hosts if each != host]
        if not others:
            return Reconnect(host) if kind is MendLink else Disconnect(host)
        other, one_way = draw(st.sampled_from(others)), draw(st.booleans())
        if kind is SlowLink:
            return SlowLink(host, other, draw(_DELAYS), draw(_DELAYS), draw(st.sampled_from((0, 100_000))), one_way)
        link: Move = kind(host, other, one_way)
        return link
    outage: Move = kind(f"kubelet/{host}" if kind in (StopProcess, StartProcess) else host)
    return outage


@st.composite
def _between(draw: st.DrawFn, hosts: tuple[str, ...], masters: tuple[str, ...]) -> Move:
    """Draw something that breaks between API servers and others."""
    master = draw(st.sampled_from(masters))
    server = f"kube-apiserver/{master}"
    what = draw(st.sampled_from(("reset", "reset", "hold", "hold", "release", "kill", "cut", "mend")))
    if what == "reset":
        return Strike("reset", draw(st.integers(0, 200)))
    if what in {"cut", "mend"}:
        other = draw(st.sampled_from([host for host in hosts if host != master]))
        one, two = (other, master) if draw(st.booleans()) else (master, other)
        return (CutLink if what == "cut" else MendLink)(one, two, draw(st.booleans()))
    if what == "kill":
        return StopProcess(server)
    return HoldCache(server) if what == "hold" else ReleaseCache(server)


_CALM: Final = ("wander", "wander", "wander", "change", "change", "change", "wait")
_FAULTY: Final = (
    "wander",
    "wander",
    "wander",
    "change",
    "change",
    "wait",
    "wait",
    "strike",
    "strike",
    "lag",
    "lag",
    "outage",
)
TIMES: Final = st.sampled_from(
    (50 * MILLISECOND, SECOND, 3 * SECOND, 6 * SECOND, 12 * SECOND, 20 * SECOND, 60 * SECOND)
)
_LAGS: Final = st.builds(Lag, st.integers(0, 200), TIMES)
STRIKES: Final[st.SearchStrategy[Any]] = st.sampled_from(
    ("drop", "drop", "repeat", "repeat", "cut", "lag", "lag", "kill", "kill", "halt", "compact", "delete")
)
_OUTAGES: Final[st.SearchStrategy[Any]] = st.sampled_from(
    (
        StopHost,
        StopHost,
        StartHost,
        Disconnect,
        Disconnect,
        Reconnect,
        StopProcess,
        StopProcess,
        StartProcess,
        CutLink,
        CutLink,
        MendLink,
        SlowLink,
    )
)
_DELAYS: Final = st.sampled_from((0, 20 * MILLISECOND, 300 * MILLISECOND))


@st.composite
def schedules(
    draw: st.DrawFn, hosts: tuple[str, ...] = (), *, most: int = 10, masters: tuple[str, ...] = ()
) -> Schedule:
    """
    Draw manifests and up to *most* moves; where no *hosts* are given only users disturb.

    Of *masters*, before which a balancer stands, API servers end, their caches lag, and their links are cut; streams of
    calls are reset.

    Where things break, two of three schedules begin with a watch that lags: what is made from a stale cache is made
    while what was just declared is answered.
    """
    declared = draw(manifests((*STEADY, "flaky:1") if hosts else STEADY))
    first = (draw(_LAGS),) if hosts and draw(st.sampled_from((False, True, True))) else ()
    return Schedule(declared, (*first, *draw(st.lists(moves(declared, hosts, masters), max_size=most - len(first)))))


@st.composite
def _changes(draw: st.DrawFn, declared: tuple[dict[str, Any], ...]) -> Move:
    what = draw(st.sampled_from(("anew", "anew", "anew", "anew", "scale", "scale", "gone", "again")))
    rolling = [each for each in declared if each["kind"] in _ROLLING]
    manifest = draw(st.sampled_from(rolling if what == "anew" and rolling else declared))
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    if what == "gone":
        return Withdraw(kind, name)
    if what == "scale" and "replicas" in manifest["spec"]:
        return Resize(kind, name, draw(_REPLICAS))
    if what == "anew" and kind in _ROLLING:
        recreates = manifest["spec"].get("strategy", {}).get("type") == "Recreate"
        return Declare(
            draw(_workload(name, STEADY, kind, recreates=recreates))
        )  # nothing else replaces its pods when its template changes
    return Declare(manifest)
