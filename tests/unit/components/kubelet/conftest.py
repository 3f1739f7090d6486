"""A kubelet, a simulated runtime and an API server of a few lines, wired together; time moves from timer to timer."""

from operator import itemgetter

import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.api.scalars import Time
from reconcile.components import kubelet, world
from reconcile.effects import (
    Call,
    CancelTimer,
    EndProcess,
    LaunchProcess,
    LookAround,
    Record,
    Report,
    SetTimer,
    SignalProcess,
)
from reconcile.events import Answered, Ordered, Reported, Started, Surrounded, TimerFired, Watched
from reconcile.lib.dice import Dice
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model import statuses
from reconcile.model.behaviours import Behaviours
from reconcile.model.hosts import Host
from reconcile.model.patches.ofstatus import StatusPatch
from reconcile.model.requests import List, Response, key_of
from reconcile.store import Change

EPOCH = 1_767_225_600 * SECOND  # 2026-01-01T00:00:00Z
EMPTY = Table()


class Lab:
    """Everything is delivered first in, first out, unless `pick` says otherwise."""

    def __init__(self, images=None, host=None, pick=None, *, device_drivers=(), drivers=(), registries=None):
        self.host = host or Host(name="node-1", ip="192.168.0.1", pod_cidr="10.244.1.0/24")
        self.behaviours = Behaviours.parse({"images": images or {}, "registries": registries or {}})
        self.now = EPOCH
        self.objects = {}
        self.revision = 0
        self.queue = []
        self.timers = {}
        self.records = []
        self.about = []
        self.calls = []
        self.orders = []
        self.processes = []
        self.phases = {}
        self.refusals = 0
        self.pick = pick or (lambda _: 0)
        self.world = world.begin(self.host, self.behaviours, Dice(7, "runtime/node-1"))
        self.life = 0
        self.kubelet = None
        self.device_drivers = device_drivers
        self.drivers = drivers
        self.start()

    # Lives

    def start(self):
        self.life += 1
        running = world.containers(self.world)
        kept = None if self.kubelet is None else kubelet.kept(self.kubelet)
        self.kubelet = kubelet.begin(
            self.host,
            Dice(7, "kubelet/node-1"),
            running=running,
            drivers=self.drivers,
            device_drivers=self.device_drivers,
            kept=kept,
        )
        self.timers = {key: row for key, row in self.timers.items() if key[0] != "kubelet"}
        self.queue = [item for item in self.queue if item[0] == "runtime"]
        self.push("kubelet", Started(self.now))
        for name in ("nodes", "pods"):
            known = [self.objects[key] for key in sorted(self.objects) if key[0] == name]
            changes = tuple([Change(1, name, key_of(obj), None, obj) for obj in known])
            self.push("kubelet", Watched(self.now, name, changes, EMPTY))

    def reboot(self):
        self.world = world.rebooted(self.world)
        self.queue, self.timers, self.processes = [], {}, []
        self.start()

    def lose_sandbox(self, name="web"):
        lost = world.lost(self.world, self.pod(name).metadata.uid)
        if lost is not None:
            self.world, effects = lost
            self.take("runtime", effects)
        return lost is not None

    # What is on its way

    def push(self, to, event):
        self.queue.append((to, self.life, event))

    def run(self, seconds=0, steps=100_000):
        """Deliver all that is on its way, then move time on, for *seconds* of it."""
        end = self.now + seconds * SECOND
        while True:
            while self.queue:
                steps -= 1
                assert steps > 0, "it does not come to rest"
                self.deliver(self.next())
            due = min(self.timers.items(), key=lambda row: row[1][0], default=None)
            if due is None or due[1][0] > end:
                self.now = end
                return self
            key, (at, _) = due
            del self.timers[key]
            self.now = max(self.now, at)
            self.push(key[0], TimerFired(self.now, key[1]))

    def next(self):
        place = self.pick(len(self.queue))
        if isinstance(self.queue[place][2], Watched):
            # A watch keeps its order, whatever overtakes what.
            place = next(at for at, item in enumerate(self.queue) if isinstance(item[2], Watched))
        return self.queue.pop(place)

    def deliver(self, item):
        to, life, event = item
        if to == "api":
            request, tag = event
            self.calls.append(request)
            self.queue.append(("kubelet", life, Answered(self.now, tag, self.serve(request))))
            return
        if to == "kubelet" and life != self.life:
            return
        event = replace(event, now=self.now)
        if to == "kubelet":
            self.kubelet, effects = kubelet.step(self.kubelet, event)
        else:
            self.world, effects = world.step(self.world, event)
        self.take(to, effects)

    def take(self, who, effects):
        for effect in effects:
            match effect:
                case SetTimer():
                    self.timers[who, effect.key] = (effect.at, effect.periodic)
                case CancelTimer():
                    self.timers.pop((who, effect.key), None)
                case Call():
                    self.push("api", (effect.request, effect.tag))
                case Record():
                    self.about.append(effect.about)
                    self.records.append((effect.type, effect.reason, effect.message, effect.about.metadata.name))
                case Report():
                    self.push("kubelet", Reported(self.now, effect.report))
                case LookAround(uid, container):
                    self.push("runtime", Surrounded(self.now, uid, container))
                case LaunchProcess() | SignalProcess() | EndProcess():
                    self.processes.append(effect)
                case _:
                    self.orders.append(effect)
                    self.push("runtime", Ordered(self.now, effect))

    # An API server

    def serve(self, request):
        if self.refusals:
            self.refusals -= 1
            return Response(500, statuses.internal("busy"))
        key = (request.resource, f"{request.namespace}/{request.name}" if request.namespace else request.name)
        old = self.objects.get(key)
        name = request.name
        if request.verb == "create":
            key = (request.resource, key_of(request.body))
            if key in self.objects:
                return Response(409, statuses.already_exists(request.resource, request.body.metadata.name))
            uid = f"uid-{self.revision + 1}"
            metadata = replace(request.body.metadata, uid=uid, generation=1)
            return Response(201, self.put(request.resource, replace(request.body, metadata=metadata)))
        if request.verb == "list":
            found = [
                obj for (kind, _), obj in sorted(self.objects.items(), key=itemgetter(0)) if kind == request.resource
            ]
            items = tuple([obj for obj in found if obj.metadata.namespace == request.namespace])
            return Response(200, List(resource=request.resource, items=items, resource_version=str(self.revision)))
        if old is None:
            return Response(404, statuses.not_found(request.resource, name))
        if request.verb == "get":
            return Response(200, old)
        if request.verb == "delete":
            wanted = request.body.preconditions.uid
            if wanted != old.metadata.uid:
                return Response(409, statuses.conflict(request.resource, name))
            self.remove(request.resource, old)
            return Response(200, statuses.success(request.resource, name, wanted))
        if request.verb == "patch":
            if not isinstance(request.body, StatusPatch):
                return Response(200, old)
            if request.body.uid not in {"", old.metadata.uid}:
                return Response(422, statuses.invalid("", "Pod", name, ()))
            return Response(200, self.put(request.resource, replace(old, status=request.body.new)))
        if request.body.metadata.uid != old.metadata.uid:
            return Response(409, statuses.conflict(request.resource, name))
        if request.body.metadata.resource_version != old.metadata.resource_version:
            return Response(409, statuses.conflict(request.resource, name))
        return Response(200, self.put(request.resource, request.body))

    def put(self, resource, obj):
        key = (resource, key_of(obj))
        old = self.objects.get(key)
        if old is not None and replace(obj, metadata=old.metadata) == old and obj.metadata == old.metadata:
            return old
        self.revision += 1
        obj = replace(obj, metadata=replace(obj.metadata, resource_version=str(self.revision)))
        self.objects[key] = obj
        if resource == "pods":
            status = obj.status or core_v1.PodStatus()
            rows = (*(status.init_container_statuses or ()), *(status.container_statuses or ()))
            over = status.phase in {"Succeeded", "Failed"}
            assert not (over and any(row.state.running for row in rows)), "what is over runs no longer"
            self.phases.setdefault(obj.metadata.uid, []).append(obj.status.phase if obj.status else None)
        self.tell(resource, old, obj)
        return obj

    def remove(self, resource, obj):
        self.revision += 1
        del self.objects[resource, key_of(obj)]
        self.tell(resource, obj, None)

    def tell(self, resource, old, new):
        if resource in {"pods", "nodes"}:
            change = Change(self.revision, resource, key_of(new or old), old, new)
            self.push("kubelet", Watched(self.now, resource, (change,), EMPTY))

    # What a test does and asks

    def bind(self, name="web", image="web:1", uid=None, labels=None, owner=None, **spec):
        """Let a pod appear that is bound to the node."""
        container = core_v1.Container(name="web", image=image, image_pull_policy="IfNotPresent")
        spec = {"containers": (container,), "restart_policy": "Always", "node_name": self.host.name, **spec}
        scheduled = core_v1.PodCondition(type="PodScheduled", status="True", last_transition_time=Time.at(self.now))
        metadata = meta_v1.ObjectMeta(
            name=name,
            namespace="default",
            uid=uid or f"pod-{name}",
            generation=1,
            labels=labels and Map(labels),
            owner_references=owner and (owner,),
        )
        status = core_v1.PodStatus(phase="Pending", conditions=(scheduled,), qos_class="BestEffort")
        return self.put("pods", core_v1.Pod(metadata=metadata, spec=core_v1.PodSpec(**spec), status=status))

    def mark(self, name="web", grace=30, namespace="default"):
        """Ask for the pod's deletion, gracefully."""
        pod = self.objects["pods", f"{namespace}/{name}"]
        metadata = replace(
            pod.metadata, deletion_timestamp=Time.at(self.now + grace * SECOND), deletion_grace_period_seconds=grace
        )
        return self.put("pods", replace(pod, metadata=metadata))

    def pod(self, name="web", namespace="default"):
        return self.objects.get(("pods", f"{namespace}/{name}"))

    def status(self, name="web", container=0, namespace="default"):
        return self.pod(name, namespace).status.container_statuses[container]

    def conditions(self, name="web"):
        return {row.type: (row.status, row.reason, row.message) for row in self.pod(name).status.conditions}

    def reasons(self, name="web"):
        return [row[1] for row in self.records if row[3] == name]

    def said(self, reason):
        return [row[2] for row in self.records if row[1] == reason]

    def written(self):
        return [request for request in self.calls if (request.resource, request.subresource) == ("pods", "status")]

    def alive(self):
        """What the runtime really has: (uid, container) that starts, runs or stops."""
        return sorted(
            (pod.uid, row.container)
            for pod in world.containers(self.world).pods
            for row in pod.containers
            if row.code is None
        )


@pytest.fixture
def lab():
    return Lab


@pytest.fixture
def container():
    def make(name, image="web:1", **spec):
        return core_v1.Container(name=name, image=image, image_pull_policy="IfNotPresent", **spec)

    return make


@pytest.fixture
def manifest():
    def make(name="kube-scheduler"):
        return core_v1.Pod(
            metadata=meta_v1.ObjectMeta(name=name, namespace="kube-system", labels=Map.of({"tier": "control-plane"})),
            spec=core_v1.PodSpec(
                containers=(core_v1.Container(name=name, image=f"registry.k8s.io/{name}:v1.36.0", command=(name,)),),
                host_network=True,
                restart_policy="Always",
            ),
        )

    return make


@pytest.fixture(scope="session")
def lab_class():
    return Lab


@pytest.fixture(scope="session")
def container_of():
    def make(name, image):
        return core_v1.Container(name=name, image=image, image_pull_policy="IfNotPresent")

    return make
