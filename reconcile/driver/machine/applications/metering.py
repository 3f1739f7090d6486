"""
Metering: what a metrics server says of a cluster, computed at the instant at which it is asked.

A metrics server looks at every kubelet each 15 seconds and remembers the last two looks. So what it says is as old as
the last look, holds for the time between the two, and has nothing of a container that did not yet run ten seconds then.
Nothing of that happens here: the looks are at known instants, and what is used is a function of time and load.

Takes:    an open machine, a Request for what is measured, who asks.
Gives:    Response: objects of metrics.k8s.io, custom.metrics.k8s.io and external.metrics.k8s.io.
Source:   https://github.com/kubernetes-sigs/metrics-server: pkg/storage, pkg/api; k8s.io/metrics.
Left out: see docs/limits.md, "Metrics".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconcile.api import meta_v1
from reconcile.api.quantity import Quantity
from reconcile.api.scalars import Time, freeze
from reconcile.api.shapes import CustomObject
from reconcile.cluster.cluster import Process
from reconcile.components import world
from reconcile.components.apiserver.access import authorising
from reconcile.components.apiserver.refusals import Refusal
from reconcile.driver.machine.applications.calling import unanswered
from reconcile.driver.machine.applications.filling import filled
from reconcile.driver.machine.applications.queueing import left, queued
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.network.reach import connected
from reconcile.effects import LookAround, ProbeContainer
from reconcile.events import Surrounded
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND, Duration, Instant, rfc3339
from reconcile.lib.mapping import Map
from reconcile.model import measured, selectors, statuses
from reconcile.model.behaviours import Amount, Behaviour, Curve, parse_amount, series
from reconcile.model.behaviours.curves import NANO, mean
from reconcile.model.requests import List, Request, Response, User, joined

# metrics-server --metric-resolution, and how long a container has run at the first look that counts.
RESOLUTION: Final[Duration] = 15 * SECOND
FRESH: Final[Duration] = 10 * SECOND
REQUESTS: Final = "requests_per_second"
QUEUED: Final = "queue_items"

_OPERATORS: Final = {"in": "In", "notin": "NotIn", "!=": "NotIn", "exists": "Exists", "!": "DoesNotExist"}
_TRIES: Final = 3  # so often a container asks a service at a look before it does without
_MIRRORED: Final = "kubernetes.io/config.hash"
_SLICES: Final = "endpointslices.discovery.k8s.io"
# Of what does not say how much it uses, and of a node beside its containers.
_CPU: Final = parse_amount("1m", "usual")
_MEMORY: Final = parse_amount("16Mi", "usual")
_NODE_CPU: Final = 50 * NANO // 1000
_NODE_MEMORY: Final = 256 * NANO << 20


def serves(machine: Machine, resource: str) -> bool:
    """Tell whether what has this key is measured here: its metrics server is there, and its API is registered."""
    group = measured.group_of(resource)
    if not group or not machine.cluster.topology.metrics:
        return False
    return f"{measured.VERSIONS[group]}.{group}" in machine.store.table(measured.API_SERVICES)


def metered(machine: Machine, request: Request, user: User, now: Instant) -> Response:
    """Answer a request for what is measured."""
    try:
        asking = authorising.authenticated(user, anonymous=True)
        authorising.authorise(asking, request, machine.store)
        return _Meter(machine, request, now).response()
    except Refusal as refusal:
        return refusal.response


class _Meter:
    """One request, and what is known for it."""

    def __init__(self, machine: Machine, request: Request, now: Instant) -> None:
        self._machine = machine
        self._request = request
        self._now = now
        self._begun = machine.cluster.topology.start
        self._seen = now - (now - self._begun) % RESOLUTION
        self._behaviours = machine.cluster.topology.behaviours
        self._shares = self._shared() if self._behaviours.load else {}

    def response(self) -> Response:
        request = self._request
        self._check()
        match measured.group_of(request.resource), request.resource.partition(".")[0]:
            case (measured.USED, "nodes"):
                return self._nodes()
            case (measured.USED, "pods"):
                return self._pods()
            case (measured.CUSTOM_METRICS, plural):
                return self._custom(plural)
            case (measured.EXTERNAL, metric):
                return self._external(metric)
            case _:
                raise Refusal(statuses.no_such_resource())

    def _check(self) -> None:
        if self._request.verb not in ("get", "list"):
            raise Refusal(statuses.method_not_allowed())

    # What is used -----------------------------------------------------------------------------------------------------

    def _pods(self) -> Response:
        request = self._request
        if request.verb == "get":
            pod = self._machine.store.get("pods", joined(request.namespace, request.name))
            found = None if pod is None else self._of_pod(pod)
            if found is None:
                raise Refusal(statuses.not_found("podmetrics.metrics.k8s.io", request.name))
            return Response(200, found)
        found_all = [self._of_pod(pod) for pod in self._selected("pods")]
        return self._list([each for each in found_all if each is not None])

    def _of_pod(self, pod: Any) -> CustomObject | None:
        """Give what a pod uses; None if that is not known yet of each of its containers."""
        rows = self._used(pod)
        if not rows:
            return None
        window = min([since for _, since, _, _ in rows])
        containers = [
            {"name": name, "usage": {"cpu": _cpu(cpu), "memory": _memory(memory)}} for name, _, cpu, memory in rows
        ]
        return self._measure("PodMetrics", pod.metadata, window, {"containers": containers})

    def _used(self, pod: Any) -> list[tuple[str, Duration, int, int]]:
        """Give of each container that runs: its name, how long was measured, and what it used, in billionths."""
        rows = []
        key = f"{pod.metadata.namespace}/{pod.metadata.name}"
        for container, since, behaviour in self._running(pod):
            if since > self._seen - FRESH:
                return []
            window = min(self._seen - since, RESOLUTION)
            limits = (container.resources.limits if container.resources else None) or {}
            memory = (behaviour.memory or _MEMORY).at(self._seen, since, self._rate(key, self._seen))
            cpu = self._mean(key, behaviour.cpu or _CPU, (self._seen - window, since), limits.get("cpu"))
            rows.append((container.name, window, cpu, _held(memory, limits.get("memory"))))
        return rows

    def _mean(self, pod: str, amount: Amount, times: tuple[Instant, Instant], limit: Quantity | None) -> int:
        """Give how much of processors a container used from the first of *times* on; it began at the other."""
        low, begun = times
        instants = [low, self._seen, *amount.base.bends(low, self._seen, begun)]
        if amount.per_request:
            for curve, _ in self._shares.get(pod, ()):
                instants += curve.bends(low, self._seen, self._begun)
        most = None if limit is None else limit.nanos
        return mean(lambda at: amount.at(at, begun, self._rate(pod, at)), instants, most)

    def _nodes(self) -> Response:
        request = self._request
        if request.verb == "get":
            node = self._machine.store.get("nodes", request.name)
            found = None if node is None else self._of_node(node)
            if found is None:
                raise Refusal(statuses.not_found("nodemetrics.metrics.k8s.io", request.name))
            return Response(200, found)
        found_all = [self._of_node(node) for node in self._selected("nodes")]
        return self._list([each for each in found_all if each is not None])

    def _of_node(self, node: Any) -> CustomObject | None:
        """Give what all containers of a node use, and itself; None if its kubelet cannot be asked."""
        name = node.metadata.name
        if self._runtime(name) is None:
            return None
        cpu, memory = _NODE_CPU, _NODE_MEMORY
        for pod in self._machine.store.table("pods").under("node", name):
            for _, _, more_cpu, more_memory in self._used(pod):
                cpu, memory = cpu + more_cpu, memory + more_memory
        usage = {"cpu": _cpu(cpu), "memory": _memory(memory)}
        return self._measure("NodeMetrics", node.metadata, RESOLUTION, {"usage": usage})

    def _measure(self, kind: str, of: meta_v1.ObjectMeta, window: Duration, more: dict[str, Any]) -> CustomObject:
        metadata = meta_v1.ObjectMeta(
            name=of.name, namespace=of.namespace, labels=of.labels, creation_timestamp=Time.at(self._now)
        )
        body = {"timestamp": rfc3339(self._seen), "window": f"{window // SECOND}s", **more}
        return CustomObject(
            api_version=f"{measured.USED}/{measured.VERSIONS[measured.USED]}",
            kind=kind,
            metadata=metadata,
            body=_frozen(body),
        )

    # What things say of themselves ------------------------------------------------------------------------------------

    def _custom(self, plural: str) -> Response:
        request, metric = self._request, self._request.subresource
        if plural == "pods":
            every = request.name == "*"
            pods = self._selected("pods") if every else [self._named("pods")]
            found = [(pod, value) for pod in pods if (value := self._said(pod, metric)) is not None]
            if not found:
                raise Refusal(statuses.no_such_metric(metric, "pods" if every else f"pods {request.name}"))
            return self._values([self._value("Pod", pod.metadata, value) for pod, value in found])
        value = self._load_of(plural) if metric == REQUESTS and not request.field_selector else None
        if value is None:
            value = self._sum_of(plural, metric)
        if value is None:
            raise Refusal(statuses.no_such_metric(metric, f"{plural} {request.name}"))
        kind = "Service" if plural == "services" else "Namespace"
        namespace = request.namespace if plural == "services" else None
        of = meta_v1.ObjectMeta(name=request.name, namespace=namespace)
        return self._values([self._value(kind, of, value)])

    def _said(self, pod: Any, metric: str) -> int | None:
        """Give what a pod says of itself under a metric's name, all its containers together; None if nothing."""
        rate = self._rate(f"{pod.metadata.namespace}/{pod.metadata.name}", self._seen)
        running = [each for each in self._running(pod) if each[1] <= self._seen]
        wanted = self._requirements(self._request.field_selector)
        found = [
            amount.at(self._seen, since, rate)
            for _, since, behaviour in running
            for _, amount in series.chosen(behaviour.metrics.items(), metric, wanted)
        ]
        if found:
            return sum(found)
        is_served = metric == REQUESTS and running and self._behaviours.load and selectors.fits(wanted, {})
        return rate if is_served else None

    def _sum_of(self, plural: str, metric: str) -> int | None:
        """Give what the pods behind a service, or of a namespace, say of themselves together; None if nothing."""
        request, store = self._request, self._machine.store
        if plural == "services":
            pods = [
                store.get("pods", key) for key in ready_behind(self._machine, joined(request.namespace, request.name))
            ]
        else:
            pods = list(store.table("pods").under("namespace", request.name)) if plural == "namespaces" else []
        if metric == REQUESTS:
            return None
        found = [value for pod in pods if pod is not None and (value := self._said(pod, metric)) is not None]
        return sum(found) if found else None

    def _load_of(self, plural: str) -> int | None:
        """Give the requests a second that come to a service, or to all those of a namespace; None if none ever do."""
        request, load = self._request, self._behaviours.load
        if plural == "services":
            key = joined(request.namespace, request.name)
            keys = [key] if key in load and self._machine.store.get("services", key) is not None else []
        else:
            keys = [key for key in load if plural == "namespaces" and key.startswith(f"{request.name}/")]
        return sum([load[key].at(self._seen, self._begun) for key in keys]) if keys else None

    def _value(self, kind: str, of: meta_v1.ObjectMeta, value: int) -> CustomObject:
        place = {"namespace": of.namespace} if of.namespace else {}
        about = {"kind": kind, "name": of.name, "apiVersion": "v1", **place}
        body = {
            "describedObject": about,
            "metric": {"name": self._request.subresource, "selector": self._asked()},
            "timestamp": rfc3339(self._seen),
            "value": str(Quantity.of(nanos=value // 1_000_000 * 1_000_000)),
        }
        return CustomObject(body=_frozen(body))

    def _external(self, metric: str) -> Response:
        known = [(text, curve.at(self._seen, self._begun)) for text, curve in self._behaviours.external.items()]
        known += [
            (series.written(QUEUED, Map({"queue": queue})), left(self._machine, queue) * NANO)
            for queue in self._behaviours.queues
        ]
        bodies = [
            {
                "metricName": metric,
                "metricLabels": dict(labels),
                "timestamp": rfc3339(self._seen),
                "value": str(Quantity.of(nanos=value // 1_000_000 * 1_000_000)),
            }
            for labels, value in series.chosen(known, metric, self._requirements(self._request.label_selector))
        ]
        return self._values([CustomObject(body=_frozen(body)) for body in bodies])

    def _values(self, items: list[CustomObject]) -> Response:
        return Response(200, List(resource=self._request.resource, items=tuple(items), resource_version=""))

    # Who is asked -----------------------------------------------------------------------------------------------------

    def _list(self, items: list[CustomObject]) -> Response:
        return Response(200, List(resource=self._request.resource, items=tuple(items), resource_version=""))

    def _asked(self) -> dict[str, Any] | None:
        """Give the selector of the metric's labels that was asked for, as a LabelSelector."""
        found: dict[str, Any] = {}
        for row in self._requirements(self._request.field_selector):
            if row.operator in ("=", "=="):
                found.setdefault("matchLabels", {})[row.key] = row.values[0]
            else:
                values = {"values": list(row.values)} if row.values else {}
                rows = found.setdefault("matchExpressions", [])
                rows.append({"key": row.key, "operator": _OPERATORS.get(row.operator, row.operator), **values})
        return found or None

    def _requirements(self, text: str) -> tuple[Any, ...]:
        try:
            return selectors.parse_labels(text)
        except ReconcileError as error:
            raise Refusal(statuses.bad_request(f"unable to parse requirement: {error}")) from None

    def _selected(self, resource: str) -> Iterator[Any]:
        wanted = self._requirements(self._request.label_selector)
        table, namespace = self._machine.store.table(resource), self._request.namespace
        for obj in table.under("namespace", namespace) if namespace else table.values():
            if selectors.fits(wanted, obj.metadata.labels):
                yield obj

    def _named(self, resource: str) -> Any:
        request = self._request
        found = self._machine.store.get(resource, joined(request.namespace, request.name))
        if found is None:
            raise Refusal(statuses.not_found(resource, request.name))
        return found

    def _runtime(self, node: str) -> Any:
        """Give the container runtime of a node, if its kubelet can be asked what it sees."""
        host = self._machine.hosts.get(node)
        up = host is not None and host.up and host.connected
        return self._machine.states.get(f"runtime/{node}") if up else None

    def _running(self, pod: Any) -> list[tuple[Any, Instant, Behaviour]]:
        """Give each of a pod's containers that runs, since when, and what it does."""
        runtime = self._runtime(pod.spec.node_name) if pod.spec.node_name else None
        if runtime is None:
            return []
        uid = (pod.metadata.annotations or {}).get(_MIRRORED, pod.metadata.uid)
        found = []
        for container in (*(pod.spec.init_containers or ()), *pod.spec.containers):
            doing = world.doing(runtime, uid, container.name)
            if doing is not None:
                found.append((container, *doing))
        return found

    def _shared(self) -> dict[str, list[tuple[Curve, int]]]:
        """Give what comes to the services that each pod is ready behind, and among how many that is shared."""
        shares: dict[str, list[tuple[Curve, int]]] = {}
        for key, curve in self._behaviours.load.items():
            pods = ready_behind(self._machine, key)
            for pod in pods:
                shares.setdefault(pod, []).append((curve, len(pods)))
        return shares

    def _rate(self, pod: str, at: Instant) -> int:
        """Give the requests a second that a pod gets, as they are shared now."""
        return sum([curve.at(at, self._begun) // among for curve, among in self._shares.get(pod, ())])


def ready_behind(machine: Machine, key: str) -> tuple[str, ...]:
    """Give the keys of the pods that are ready endpoints of a service, in order."""
    namespace, _, name = key.partition("/")
    slices = machine.store.table(_SLICES).under("service", (namespace, name))
    found = {
        f"{namespace}/{endpoint.target_ref.name}"
        for each in slices
        for endpoint in each.endpoints or ()
        if endpoint.target_ref is not None and (endpoint.conditions is None or endpoint.conditions.ready is not False)
    }
    return tuple(sorted(found))


def lacking(machine: Machine, process: Process, order: ProbeContainer) -> tuple[str, ...]:
    """Give those services that a container needs, by its behaviour, and of which it gets no answer."""
    if not machine.cluster.topology.behaviours.has_needs:
        return ()
    doing = world.doing(machine.states.get(process.name), order.uid, order.container)
    if doing is None or not doing[1].needs:
        return ()
    pod = _pod(machine, process.host, order.uid)
    return doing[1].needs if pod is None else unanswered(machine, process.host, pod, doing[1].needs)


def surroundings(machine: Machine, runtime: Process, look: LookAround) -> Surrounded:
    """Give what there is around a container: how many requests come to its pod, and which services it misses."""
    behaviours, now = machine.cluster.topology.behaviours, machine.now
    if look.queue:
        return Surrounded(now + runtime.skew, look.uid, look.container, work=queued(machine, runtime.host, look))
    pod = _pod(machine, runtime.host, look.uid) if behaviours.load or behaviours.has_causes else None
    name = "" if pod is None else f"{pod.metadata.namespace}/{pod.metadata.name}"
    requests = 0
    for key, curve in behaviours.load.items() if connected(machine, runtime.host) else ():
        pods = ready_behind(machine, key)
        if name in pods:
            requests += curve.at(now, machine.cluster.topology.start) // len(pods)
    doing = world.doing(machine.states.get(runtime.name), look.uid, look.container) if behaviours.has_causes else None
    services = () if doing is None else tuple([cause.without for cause in doing[1].causes if cause.without])
    missing = services if pod is None else unanswered(machine, runtime.host, pod, services, tries=_TRIES)
    seen = Surrounded(now + runtime.skew, look.uid, look.container, requests, missing)
    return filled(machine, runtime.host, seen) if behaviours.has_fills else seen


def _pod(machine: Machine, host: str, uid: str) -> Any:
    """Give a pod on a host; None if there is none of this uid."""
    for pod in machine.store.table("pods").under("node", host):
        if uid in (pod.metadata.uid, (pod.metadata.annotations or {}).get(_MIRRORED)):
            return pod
    return None


def _frozen(body: dict[str, Any]) -> Map[Any]:
    found: Any = freeze(body)
    return Map(found)


def _held(value: int, limit: Quantity | None) -> int:
    return value if limit is None else min(value, limit.nanos)


def _cpu(value: int) -> str:
    return str(Quantity.of(nanos=value))


def _memory(value: int) -> str:
    # A kernel counts pages; here they are of a Ki.
    return str(Quantity.of(nanos=value // (NANO << 10) * (NANO << 10), form="BinarySI"))
