"""
Hypothesis strategies for programs: what users of every kind of workload do, and what happens to them.

A program has one to three themes. A theme is a few manifests that belong together, an autoscaler with what it scales,
a budget with what it covers, and what users then do to them. A theme that is not drawn costs nothing.

    boot = settle(Cluster.boot(world(), seed=1)).cluster

    @given(programs(hosts=("node-1", "node-2")))
    def test_it_converges(schedule):
        assert not play(boot, schedule, past=WAYS).problems

Takes:    the names of themes, and which hosts may fail.
Gives:    schedules.
Left out: what `reconcile.testing.schedules` draws, other than as the theme `plain`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs
from hypothesis import strategies as st

from reconcile.api import convert
from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.driver.errands import Errand, errand_of
from reconcile.events import RemoveManifest, WriteManifest
from reconcile.lib.instant import SECOND
from reconcile.model.behaviours import Behaviours
from reconcile.model.clouds import Cloud
from reconcile.model.drivers import Driver
from reconcile.properties import PAST, Past
from reconcile.testing import schedules as plain
from reconcile.testing.moves import Adopt, Declare, Lag, Move, Resize, Schedule, Strike, Wait, Wander, Withdraw
from reconcile.testing.schedules import IMAGES

__all__ = ["LOOSE", "THEMES", "WAYS", "Theme", "programs", "world"]

LOOSE: Final = "loose"
"""The namespace of what ends as it does by the way it went; only what must be so at rest is asked of it."""

_DRIVER: Final = "csi.example.com"
_BEHAVIOURS: Final[dict[str, Any]] = {
    "images": {
        **IMAGES["images"],
        "shop:1": "preloaded, start 200ms, ready after 1s, cpu 20m + 10m per request",
        "part:1": "preloaded, start 100ms, exit 0 after 5s..12s, ignores SIGTERM",
        "part:2": "preloaded, start 100ms, exit 1 after 2s with probability 1/3, exit 0 after 5s with probability 2/3",
        "tick:1": "preloaded, start 100ms, exit 0 after 10s..150s",
    },
    "load": {
        f"{LOOSE}/shop": "daily 00:00=5 00:01=60 00:02=60 00:03=5 00:04=5 00:05=80 00:07=80 00:08=10 23:00=10",
    },
}


def world(nodes: int = 3, *, cloud: bool = False, **more: Any) -> Topology:
    """Give a topology in which every theme has what it needs; only in a *cloud* are there load balancers."""
    given: dict[str, Any] = {
        "nodes": nodes,
        "metrics": True,
        "behaviours": Behaviours.parse(_BEHAVIOURS),
        "drivers": (Driver(name=_DRIVER, failures=1),),
        "cloud": Cloud(failures=1) if cloud else None,
    }
    return Topology(**given | more)


# What is not compared -------------------------------------------------------------------------------------------------


def _is_loose(_: Cluster, obj: Any) -> bool:
    return bool(obj.metadata.namespace == LOOSE)


def _is_loose_volume(_: Cluster, volume: Any) -> bool:
    claim = volume.spec.claim_ref
    return claim is not None and claim.namespace == LOOSE


_LOOSE: Final = (
    "pods",
    "replicasets.apps",
    "deployments.apps",
    "statefulsets.apps",
    "jobs.batch",
    "cronjobs.batch",
    "services",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "persistentvolumeclaims",
    "configmaps",
    "horizontalpodautoscalers.autoscaling",
    "resourcequotas",
)

WAYS: Final[tuple[Past, ...]] = (
    *PAST,
    *[Past(resource, f"of the namespace {LOOSE}", _is_loose) for resource in _LOOSE],
    Past("persistentvolumes", f"of the claims of {LOOSE}", _is_loose_volume),
    Past("volumeattachments.storage.k8s.io"),
    Past("ipaddresses.networking.k8s.io"),
    Past("poddisruptionbudgets.policy", "whose status says when it changed", lambda _, __: True),
)
"""What tells of the way in a program, to be given to `play` as `past`."""


# Themes ---------------------------------------------------------------------------------------------------------------


@attrs.frozen
class Theme:
    """
    What some users do.

    Args:
        manifests: draws what is declared.
        moves: of what is declared, draws what happens to it: a move, or several that belong together.
        last: of what is declared, what brings it to rest at the end.
    """

    manifests: st.SearchStrategy[tuple[dict[str, Any], ...]]
    moves: Callable[[tuple[dict[str, Any], ...]], st.SearchStrategy[Any]]
    last: Callable[[tuple[dict[str, Any], ...]], tuple[Move, ...]] = lambda _: ()


def _named(kind: str, name: str, spec: Any = None, *, version: str = "v1", space: str = "", **more: Any) -> Any:
    metadata = {"name": name} | ({"namespace": space} if space else {})
    found = {"apiVersion": version, "kind": kind, "metadata": metadata, **more}
    return found if spec is None else {**found, "spec": spec}


def _template(app: str, image: str, *, requests: Any = None, **spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": image} | ({"resources": {"requests": requests}} if requests else {})
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [container], **spec}}


def _owning(template: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"selector": {"matchLabels": template["metadata"]["labels"]}, "template": template, **spec}


def _changed(manifest: dict[str, Any], **spec: Any) -> Declare:
    return Declare({**manifest, "spec": {**manifest["spec"], **spec}})


def _reimaged(manifest: dict[str, Any], image: str) -> Declare:
    template = manifest["spec"]["template"]
    containers = [{**each, "image": image} for each in template["spec"]["containers"]]
    return _changed(manifest, template={**template, "spec": {**template["spec"], "containers": containers}})


def _gone(manifest: dict[str, Any], cascade: str = "") -> Withdraw:
    metadata = manifest["metadata"]
    return Withdraw(manifest["kind"], metadata["name"], metadata.get("namespace", "default"), cascade)


def _errand(words: str) -> Errand:
    verb, *rest = words.split()
    return errand_of(f"{verb} {rest.pop(0)}" if verb in {"rollout", "set"} else verb, tuple(rest))


_ESTABLISHED: Final = Wait(20 * SECOND)
_NODES: Final = ("node-1", "node-2", "node-3")
_SPACE: Final = _named("Namespace", LOOSE)
_STEADY: Final = st.sampled_from(("web:1", "web:3", "slow:1"))


# Autoscalers under load


@st.composite
def _autoscaled(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    service = _named("Service", "shop", {"selector": {"app": "shop"}, "ports": [{"port": 80}]}, space=LOOSE)
    template = _template("shop", "shop:1", requests={"cpu": "100m"})
    owner = _named("Deployment", "shop", _owning(template), version="apps/v1", space=LOOSE)
    return _SPACE, service, owner, draw(_autoscalers())


@st.composite
def _autoscalers(draw: st.DrawFn) -> dict[str, Any]:
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": draw(_SHARES)}},
    }
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
        "minReplicas": draw(st.sampled_from((1, 2))),
        "maxReplicas": draw(st.sampled_from((6, 8, 3, 12))),
        "metrics": [metric],
    }
    if draw(st.sampled_from((True, True, False))):
        window = {"stabilizationWindowSeconds": draw(st.sampled_from((0, 15, 60)))}
        up, down = ({**window, **draw(_RATES)} for _ in range(2))
        spec["behavior"] = {"scaleUp": up, "scaleDown": down}
    return _named("HorizontalPodAutoscaler", "shop", spec, version="autoscaling/v2", space=LOOSE)


_SHARES: Final = st.sampled_from((50, 30, 80))
_POLICIES: Final = st.builds(
    lambda kind, value, period: {"type": kind, "value": value, "periodSeconds": period},
    st.sampled_from(("Pods", "Percent")),
    st.sampled_from((1, 2, 50)),
    st.sampled_from((60, 90, 30)),
)
_RATES: Final = st.builds(
    lambda policies, select: {"policies": policies, "selectPolicy": select},
    st.lists(_POLICIES, min_size=1, max_size=2, unique_by=str),
    st.sampled_from(("Max", "Min")),
)


def _autoscaling(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    waits = st.sampled_from((30, 60, 120, 180)).map(lambda seconds: Wait(seconds * SECOND))
    return st.one_of(waits, waits, waits, _autoscalers().map(Declare), st.just(_reimaged(declared[2], "web:3")))


# Budgets, evictions and drains


@st.composite
def _budgeted(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    kind = draw(st.sampled_from(("Deployment", "StatefulSet", "ReplicaSet")))
    template = _template("guarded", draw(_STEADY), terminationGracePeriodSeconds=5)
    more = {"serviceName": "guarded", "podManagementPolicy": "Parallel"} if kind == "StatefulSet" else {}
    owner = _owning(template, replicas=draw(st.sampled_from((3, 4, 2))), **more)
    return _named(kind, "guarded", owner, version="apps/v1"), draw(_budgets())


@st.composite
def _budgets(draw: st.DrawFn) -> dict[str, Any]:
    word = draw(st.sampled_from(("maxUnavailable", "minAvailable")))
    spec = {"selector": {"matchLabels": {"app": "guarded"}}, word: draw(st.sampled_from((1, 2, "50%", 0)))}
    return _named("PodDisruptionBudget", "guarded", spec, version="policy/v1")


_DRAIN: Final = "--ignore-daemonsets --force --delete-emptydir-data"
_DRAINS: Final = st.sampled_from(_NODES).map(lambda node: _errand(f"drain {node} {_DRAIN}"))
_BETWEEN: Final = st.one_of(
    st.builds(Wander, st.integers(1, 40), st.integers(0, 2**16)), st.sampled_from((SECOND, 2 * SECOND)).map(Wait)
)
_UNCORDONS: Final = st.sampled_from(_NODES).map(lambda node: _errand(f"uncordon {node}"))
_UNCORDONED: Final = tuple([_errand(f"uncordon {node}") for node in _NODES])


def _evicting(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    owner = declared[0]
    return st.one_of(
        _DRAINS,
        st.tuples(_DRAINS, _BETWEEN, _DRAINS),
        st.tuples(_DRAINS, _BETWEEN, _DRAINS),
        _UNCORDONS,
        st.sampled_from((SECOND, 6 * SECOND, 20 * SECOND)).map(Wait),
        st.builds(Resize, st.just(owner["kind"]), st.just("guarded"), st.sampled_from((2, 3, 5))),
    )


# Rollouts and rollbacks


@st.composite
def _rolled(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    amounts = draw(st.sampled_from(((1, 0), (1, 1), ("25%", "25%"), (0, 1), (2, 0))))
    rolling = {"rollingUpdate": {"maxSurge": amounts[0], "maxUnavailable": amounts[1]}}
    template = _template("site", draw(_STEADY), terminationGracePeriodSeconds=5)
    spec = _owning(template, replicas=draw(st.sampled_from((3, 4, 2))), strategy=rolling)
    return (_named("Deployment", "site", spec, version="apps/v1"),)


def _releasing(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    owner = declared[0]
    errands = ("rollout undo", "rollout restart", "rollout pause", "rollout resume", "rollout undo")
    return st.one_of(
        st.sampled_from(("web:1", "web:3", "web:2")).map(lambda image: _reimaged(owner, image)),
        st.sampled_from(("web:1", "web:3")).map(lambda image: _errand(f"set image deployment/site main={image}")),
        st.sampled_from(errands).map(lambda words: _errand(f"{words} deployment/site")),
        st.sampled_from((2, 3, 5)).map(lambda replicas: Resize("Deployment", "site", replicas)),
        st.sampled_from((SECOND, 4 * SECOND, 12 * SECOND)).map(Wait),
    )


# Quotas


@st.composite
def _quoted(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    hard = draw(
        st.sampled_from(({"pods": "4"}, {"requests.cpu": "500m", "pods": "5"}, {"count/configmaps": "3", "pods": "6"}))
    )
    template = _template("counted", "web:3", requests={"cpu": "100m"})
    owner = _named("ReplicaSet", "counted", _owning(template, replicas=3), version="apps/v1", space=LOOSE)
    return _SPACE, _named("ResourceQuota", "limit", {"hard": hard}, space=LOOSE), owner


_NOTES: Final = tuple([_named("ConfigMap", f"note-{number}", space=LOOSE, data={}) for number in range(3)])


def _counting(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    owner = declared[2]
    pods = [_named("Pod", f"one-{number}", owner["spec"]["template"]["spec"], space=LOOSE) for number in range(3)]
    loose = (*pods, *_NOTES)
    return st.one_of(
        st.sampled_from(loose).map(Declare),
        st.sampled_from(loose).map(_gone),
        st.sampled_from((1, 3, 5, 8)).map(lambda replicas: _changed(owner, replicas=replicas)),
        st.sampled_from((SECOND, 6 * SECOND)).map(Wait),
    )


# CronJobs and Jobs


@st.composite
def _scheduled(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    return _SPACE, draw(_crons())


@st.composite
def _crons(draw: st.DrawFn) -> dict[str, Any]:
    pod = {"restartPolicy": "OnFailure", "containers": [{"name": "main", "image": draw(_TICKS)}]}
    spec = {
        "schedule": "* * * * *",
        "concurrencyPolicy": draw(st.sampled_from(("Forbid", "Replace", "Allow"))),
        "jobTemplate": {"spec": {"template": {"spec": pod}}},
        "successfulJobsHistoryLimit": draw(st.sampled_from((3, 1, 0))),
    }
    return _named("CronJob", "clock", spec, version="batch/v1", space=LOOSE)


_TICKS: Final = st.sampled_from(("tick:1", "part:1"))


def _ticking(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    waits = st.sampled_from((45, 61, 130, 200)).map(lambda seconds: Wait(seconds * SECOND))
    cron = declared[1]
    return st.one_of(
        waits,
        waits,
        waits,
        st.booleans().map(lambda suspended: _changed(cron, suspend=suspended)),
        st.just(_gone(cron)),
        st.just(Declare(cron)),
    )


@st.composite
def _working(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    image, mode = draw(st.sampled_from(("part:1", "part:2"))), draw(st.sampled_from(("Indexed", "NonIndexed")))
    spec = {
        "completions": draw(st.sampled_from((6, 4, 10))),
        "parallelism": draw(st.sampled_from((2, 3))),
        "completionMode": mode,
        "backoffLimit": 100,
        "podReplacementPolicy": draw(st.sampled_from(("Failed", "TerminatingOrFailed"))),
        "template": _template("work", image, restartPolicy="Never", terminationGracePeriodSeconds=5),
    }
    return _SPACE, _named("Job", "work", spec, version="batch/v1", space=LOOSE)


def _work(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    job = declared[1]
    return st.one_of(
        st.sampled_from((SECOND, 3 * SECOND, 8 * SECOND)).map(Wait),
        st.sampled_from(("", "foreground")).map(lambda cascade: _gone(job, cascade)),
        st.just(Declare(job)),
        st.sampled_from((True, False)).map(lambda suspended: _changed(job, suspend=suspended)),
        st.tuples(_DRAINS, st.just(Wait(2 * SECOND))),
        _UNCORDONS,
    )


def _awakened(declared: tuple[dict[str, Any], ...]) -> tuple[Move, ...]:
    return (*_UNCORDONED, _changed(declared[1], suspend=False))


# StatefulSets with claims

_STORAGE: Final = _named("StorageClass", "fast", version="storage.k8s.io/v1", provisioner=_DRIVER)


@st.composite
def _kept(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    modes = [draw(st.sampled_from(("ReadWriteOnce", "ReadWriteOncePod")))]
    claim = {"accessModes": modes, "storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}
    retention = {word: draw(st.sampled_from(("Retain", "Delete"))) for word in ("whenScaled", "whenDeleted")}
    template = _template("data", draw(_STEADY), terminationGracePeriodSeconds=5)
    template["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    spec = _owning(
        template,
        replicas=draw(st.sampled_from((3, 2, 4))),
        serviceName="data",
        podManagementPolicy=draw(st.sampled_from(("OrderedReady", "Parallel"))),
        volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": claim}],
        persistentVolumeClaimRetentionPolicy=retention,
    )
    return _STORAGE, _SPACE, _named("StatefulSet", "data", spec, version="apps/v1", space=LOOSE)


def _keeping(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    owner = declared[2]
    return st.one_of(
        st.sampled_from((0, 1, 2, 3)).map(lambda replicas: _changed(owner, replicas=replicas)),
        st.sampled_from((0, 1, 3)).map(lambda replicas: (_changed(owner, replicas=replicas), _ESTABLISHED)),
        st.sampled_from(("web:1", "web:3")).map(lambda image: (_reimaged(owner, image), _ESTABLISHED)),
        st.sampled_from(("", "foreground", "orphan")).map(lambda cascade: _gone(owner, cascade)),
        st.just(Declare(owner)),
        st.sampled_from((SECOND, 5 * SECOND, 15 * SECOND)).map(Wait),
        _DRAINS,
        _UNCORDONS,
    )


def _restored(declared: tuple[dict[str, Any], ...]) -> tuple[Move, ...]:
    return (*_UNCORDONED, Declare(declared[2]))  # orphans are adopted again


# Pods that want one claim


@st.composite
def _sharing(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    mode = draw(st.sampled_from(("ReadWriteOncePod", "ReadWriteOnce", "ReadWriteMany")))
    claim = {"accessModes": [mode], "storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "one"}}]
    pods = [
        _named("Pod", f"user-{number}", _template("user", "web:3", volumes=volumes)["spec"], space=LOOSE)
        for number in range(3)
    ]
    return _STORAGE, _SPACE, _named("PersistentVolumeClaim", "one", claim, space=LOOSE), *pods


def _using(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    pods = st.sampled_from(declared[3:])
    return st.one_of(
        pods.map(_gone),
        pods.map(Declare),
        st.tuples(pods.map(_gone), pods.map(Declare)),
        st.sampled_from((SECOND, 5 * SECOND)).map(Wait),
        _DRAINS,
        _UNCORDONS,
    )


# DaemonSets and taints


@st.composite
def _daemons(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    rolling = draw(
        st.sampled_from(
            ({"maxSurge": 1, "maxUnavailable": 0}, {"maxUnavailable": 1}, {"maxSurge": "50%", "maxUnavailable": 0})
        )
    )
    tolerations = draw(st.sampled_from(([], [{"key": "sick", "operator": "Exists"}])))
    template = _template("agent", draw(_STEADY), tolerations=tolerations, terminationGracePeriodSeconds=5)
    spec = _owning(template, updateStrategy={"rollingUpdate": rolling})
    return (_named("DaemonSet", "agent", spec, version="apps/v1"),)


_TAINTS: Final = st.builds(
    lambda node, effect: _errand(f"taint nodes {node} sick=yes:{effect} --overwrite"),
    st.sampled_from(_NODES),
    st.sampled_from(("NoExecute", "NoSchedule")),
)
_HEALINGS: Final = st.sampled_from(_NODES).map(lambda node: _errand(f"taint nodes {node} sick-"))


def _healed(_: tuple[dict[str, Any], ...]) -> tuple[Move, ...]:
    return tuple([_errand(f"taint nodes {node} sick-") for node in _NODES])


def _rolling(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    owner = declared[0]
    return st.one_of(
        st.sampled_from(("web:1", "web:3", "slow:1")).map(lambda image: _reimaged(owner, image)),
        st.sampled_from(("web:1", "web:3")).map(lambda image: _reimaged(owner, image)),
        st.just(_errand("rollout undo daemonset/agent")),
        st.just(_errand("rollout restart daemonset/agent")),
        st.sampled_from(("", "foreground")).map(lambda cascade: _gone(owner, cascade)),
        st.just(Declare(owner)),
        st.sampled_from((SECOND, 5 * SECOND, 15 * SECOND)).map(Wait),
        _TAINTS,
        _HEALINGS,
    )


@st.composite
def _tainted(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    seconds = draw(st.sampled_from((0, 5, 30)))
    toleration = {"key": "sick", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}
    template = _template("brave", draw(_STEADY), tolerations=[toleration], terminationGracePeriodSeconds=5)
    spec = _owning(template, replicas=draw(st.sampled_from((2, 3))))
    return (_named("Deployment", "brave", spec, version="apps/v1"),)


def _tainting(_: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    waits = st.sampled_from((SECOND, 5 * SECOND, 20 * SECOND, 40 * SECOND)).map(Wait)
    return st.one_of(_TAINTS, _TAINTS, _HEALINGS, waits, _DRAINS, _UNCORDONS)


def _healed_and_open(declared: tuple[dict[str, Any], ...]) -> tuple[Move, ...]:
    return (*_healed(declared), *_UNCORDONED)


# Priorities


@st.composite
def _ranked(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    policy = draw(st.sampled_from(("PreemptLowerPriority", "Never")))
    ranks = {"low": (1, "PreemptLowerPriority"), "high": (1000, policy)}
    found = [
        _named("PriorityClass", name, version="scheduling.k8s.io/v1", value=value, preemptionPolicy=how)
        for name, (value, how) in ranks.items()
    ]
    for name, replicas in (("low", 4), ("high", draw(st.sampled_from((1, 2, 3))))):
        requests = {"cpu": draw(st.sampled_from(("2", "1500m", "3")))}
        template = _template(name, draw(_STEADY), requests=requests, priorityClassName=name)
        template["spec"]["terminationGracePeriodSeconds"] = 5
        found.append(_named("ReplicaSet", name, _owning(template, replicas=replicas), version="apps/v1", space=LOOSE))
    return _SPACE, *found


def _ranking(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    low, high = declared[-2:]
    return st.one_of(
        st.sampled_from((0, 1, 3)).map(lambda replicas: _changed(high, replicas=replicas)),
        st.sampled_from((2, 6)).map(lambda replicas: _changed(low, replicas=replicas)),
        st.sampled_from((low, high)).map(_gone),
        st.sampled_from((low, high)).map(Declare),
        st.sampled_from((SECOND, 5 * SECOND, 15 * SECOND)).map(Wait),
    )


# Namespaces, owners and finalizers


def _settled(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.just(_gone(declared[0])),
        st.sampled_from(declared).map(Declare),
        st.sampled_from(declared).map(Declare),
        st.sampled_from((SECOND, 3 * SECOND, 10 * SECOND)).map(Wait),
    )


@st.composite
def _housed(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    replicas = draw(st.sampled_from((1, 2)))
    owner = _owning(_template("crew", draw(_STEADY), terminationGracePeriodSeconds=3), replicas=replicas)
    return (
        _named("Namespace", "team"),
        _named("ConfigMap", "plan", space="team", data={"a": "b"}),
        _named("Deployment", "crew", owner, version="apps/v1", space="team"),
        _named("Service", "crew", {"selector": {"app": "crew"}, "ports": [{"port": 80}]}, space="team"),
    )


def _declared_again(declared: tuple[dict[str, Any], ...]) -> tuple[Move, ...]:
    return (Wait(30 * SECOND), *map(Declare, declared))


_FAMILY: Final = tuple([_named("ConfigMap", name, space=LOOSE, data={}) for name in ("parent", "child", "grandchild")])
_CREW: Final = _named(
    "Deployment", "crew", _owning(_template("crew", "web:3"), replicas=2), version="apps/v1", space=LOOSE
)
_HELD: Final = "example.com/held"


def _related(_: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    cascades = st.sampled_from(("", "foreground", "orphan"))
    held = st.sampled_from(_FAMILY).map(lambda each: Declare(_holding(each)))
    family = st.sampled_from(_FAMILY)
    adopted = st.sampled_from((("child", "parent"), ("grandchild", "child"), ("grandchild", "parent")))
    return st.one_of(
        adopted.map(lambda pair: Adopt("ConfigMap", pair[0], "ConfigMap", pair[1], LOOSE)),
        st.just(Adopt("ConfigMap", "child", "Deployment", "crew", LOOSE)),
        st.builds(_gone, st.sampled_from((*_FAMILY, _CREW)), cascades),
        st.builds(_gone, st.just(_CREW), cascades),
        held,
        family.map(Declare),
        st.just(Declare(_CREW)),
        st.sampled_from((SECOND, 3 * SECOND)).map(Wait),
    )


def _holding(manifest: dict[str, Any]) -> dict[str, Any]:
    return {**manifest, "metadata": {**manifest["metadata"], "finalizers": [_HELD]}}


def _let_go(_: tuple[dict[str, Any], ...]) -> tuple[Move, ...]:
    return tuple(map(Declare, _FAMILY))


# Services of a cloud


def _balancer(kind: str) -> dict[str, Any]:
    return _named("Service", "front", {"type": kind, "selector": {"app": "front"}, "ports": [{"port": 80}]})


def _balancing(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    other = {**declared[0], "metadata": {"name": "back"}}
    return st.one_of(
        st.sampled_from(("ClusterIP", "LoadBalancer", "NodePort")).map(lambda kind: Declare(_balancer(kind))),
        st.sampled_from((declared[0], other)).map(_gone),
        st.sampled_from((declared[0], other)).map(Declare),
        st.sampled_from((SECOND, 4 * SECOND, 12 * SECOND)).map(Wait),
    )


# Static pods


def _static(name: str) -> Any:
    return convert.load(
        _named("Pod", name, {"containers": [{"name": "main", "image": "web:3"}]}, space="default")
    ).object


def _written(_: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    hosts, names = st.sampled_from(_NODES[1:]), st.sampled_from(("file", "disk"))
    return st.one_of(
        st.builds(WriteManifest, hosts, names.map(_static)),
        st.builds(RemoveManifest, hosts, names.map(lambda name: f"default/{name}")),
        st.sampled_from((SECOND, 6 * SECOND)).map(Wait),
    )


def _erased(_: tuple[dict[str, Any], ...]) -> tuple[Move, ...]:
    return tuple([RemoveManifest(host, f"default/{name}") for host in _NODES[1:] for name in ("file", "disk")])


THEMES: Final[dict[str, Theme]] = {
    "plain": Theme(plain.manifests(), plain.moves),
    "autoscaling": Theme(_autoscaled(), _autoscaling),
    "rollouts": Theme(_rolled(), _releasing, lambda _: (_errand("rollout resume deployment/site"),)),
    "budgets": Theme(_budgeted(), _evicting, lambda _: _UNCORDONED),
    "quotas": Theme(_quoted(), _counting, lambda declared: (_gone(declared[1]),)),
    "cron": Theme(_scheduled(), _ticking, lambda declared: (_gone(declared[1]),)),
    "jobs": Theme(_working(), _work, _awakened),
    "claims": Theme(_kept(), _keeping, _restored),
    "volumes": Theme(_sharing(), _using, lambda _: _UNCORDONED),
    "daemons": Theme(_daemons(), _rolling, _healed),
    "taints": Theme(_tainted(), _tainting, _healed_and_open),
    "priorities": Theme(_ranked(), _ranking),
    "namespaces": Theme(_housed(), _settled, _declared_again),
    "owners": Theme(st.just((_SPACE, *_FAMILY, _CREW)), _related, _let_go),
    "balancers": Theme(st.just((_balancer("LoadBalancer"),)), _balancing),
    "static pods": Theme(st.just(()), _written, _erased),
}
"""Every theme by its name."""


# Programs -------------------------------------------------------------------------------------------------------------


@st.composite
def programs(
    draw: st.DrawFn, hosts: tuple[str, ...] = (), *, themes: tuple[str, ...] = tuple(THEMES), most: int = 16
) -> Schedule:
    """Draw a program of one to three *themes*, with up to *most* moves; without *hosts* only users disturb."""
    names = draw(st.lists(st.sampled_from(themes), min_size=1, max_size=3, unique=True)) if len(themes) > 1 else themes
    chosen = [(THEMES[name], draw(THEMES[name].manifests)) for name in names]
    declared = [manifest for _, manifests in chosen for manifest in manifests]
    moves = st.sampled_from(
        (*[theme.moves(of) for theme, of in chosen] * 3, _WHENEVER, *([_failures(hosts)] * 2 if hosts else []))
    ).flatmap(lambda strategy: strategy)
    # Half of the programs begin with what is there, not with what is on its way; and two lists are longer than one.
    first = draw(st.sampled_from(((), (_ESTABLISHED,))))
    drawn = (*draw(st.lists(moves, max_size=most // 2)), *draw(st.lists(moves, max_size=most - most // 2)))
    last = [move for theme, of in chosen for move in theme.last(of)]
    unique = {(each["kind"], each["metadata"]["name"], each["metadata"].get("namespace")): each for each in declared}
    flat = [move for each in drawn for move in (each if isinstance(each, tuple) else (each,))]
    return Schedule(tuple(unique.values()), (*first, *flat, *last))


def _failures(hosts: tuple[str, ...]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(Strike, plain.STRIKES, st.integers(0, 200)),
        st.builds(Lag, st.integers(0, 200), plain.TIMES),
        plain.outages(hosts),
    )


_WHENEVER: Final = st.one_of(
    st.builds(Wander, st.integers(1, 120), st.integers(0, 2**16)),
    st.builds(Wander, st.integers(1, 60), st.integers(0, 2**16)),
    st.sampled_from((SECOND, 3 * SECOND, 20 * SECOND, 60 * SECOND)).map(Wait),
)
