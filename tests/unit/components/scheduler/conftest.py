"""What the scheduler's tests build their clusters from: `kit`."""

import itertools

import attrs
import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.api.scalars import Quantity
from reconcile.components import scheduler
from reconcile.components.scheduler.configuration import DEFAULTS
from reconcile.effects import Call, Record
from reconcile.events import Answered, Started, TimerFired, Turned, Watched
from reconcile.lib.dice import Dice
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.table import Table
from reconcile.model.requests import Response, key_of
from reconcile.store import Change
from reconcile.store.indexes import indexes_of


@attrs.define
class Play:
    """A scheduler and the cluster as far as it is told of it; `effects` are those of the last step."""

    state: scheduler.State
    now: int = 0
    objects: dict = attrs.field(factory=dict)
    effects: tuple = ()
    _revision: itertools.count = attrs.field(factory=itertools.count)

    def hear(self, event):
        self.state, self.effects = scheduler.step(self.state, event)
        return self.effects

    def tell(self, watch, *objects):
        """Let the watch bring new versions of *objects*."""
        return self._watched(watch, [(key_of(obj), obj) for obj in objects])

    def gone(self, watch, *keys):
        return self._watched(watch, [(key, None) for key in keys])

    def turn(self):
        return self.hear(Turned(self.now, "schedule"))

    def turn_to_wait(self):
        """Take a turn after which the pod waits, its node promised to it; give the other effects."""
        promise, *effects = self.turn()
        assert list(promise.request.body["status"]) == ["nominatedNodeName"]
        return tuple(effects)

    def answer(self, call, code=201, body=None):
        return self.hear(Answered(self.now, call.tag, Response(code, body)))

    def fire(self, key):
        return self.hear(TimerFired(self.now, key))

    def confirm(self, call):
        """Let the watch tell that a binding was done."""
        pod = self.objects["pods", call.tag[1]]
        return self.tell(
            "pods", attrs.evolve(pod, spec=attrs.evolve(pod.spec, node_name=call.request.body.target.name))
        )

    def placed(self):
        """Have a turn that places a pod, bind it, and give its node."""
        (call,) = Kit.calls(self.turn(), "binding")
        self.answer(call)
        self.confirm(call)
        return call.request.body.target.name

    def refused(self):
        """Have a turn that finds no node, and give what is said."""
        (record,) = Kit.records(self.turn())
        assert (record.type, record.reason) == ("Warning", "FailedScheduling")
        return record.message

    def wait(self, seconds):
        self.now += int(seconds * SECOND)

    def _watched(self, watch, news):
        changes = []
        for key, new in news:
            changes.append(Change(next(self._revision), watch, key, self.objects.get((watch, key)), new))
            self.objects[watch, key] = new
        view = [(key, obj) for (name, key), obj in self.objects.items() if name == watch and obj is not None]
        return self.hear(Watched(self.now, watch, tuple(changes), Table.of(view, indexes_of(watch))))


class Kit:
    """Short words for long objects."""

    @staticmethod
    def quantities(**texts):
        return Map({name.replace("_", "-"): Quantity.parse(str(text)) for name, text in texts.items()})

    @staticmethod
    def node(name, *, taints=(), unschedulable=None, labels=(), images=(), more=(), **allocatable):
        amounts = {"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral_storage": "10Gi", **allocatable}
        labels = Map({"kubernetes.io/hostname": name, **dict(labels)})
        return core_v1.Node(
            metadata=meta_v1.ObjectMeta(name=name, uid=f"uid-{name}", labels=labels),
            spec=core_v1.NodeSpec(
                taints=tuple([core_v1.Taint(key=key, value=value, effect=effect) for key, value, effect in taints]),
                unschedulable=unschedulable,
            ),
            status=core_v1.NodeStatus(
                allocatable=Kit.quantities(**amounts).merge({name: Quantity.parse(text) for name, text in more}),
                images=tuple([core_v1.ContainerImage(names=(image,), size_bytes=size) for image, size in images]),
            ),
        )

    @staticmethod
    def container(name="main", *, image="nginx:1", ports=(), restart_policy=None, more=(), **requests):
        asked = Kit.quantities(**requests).merge({name: Quantity.parse(text) for name, text in more})
        return core_v1.Container(
            name=name,
            image=image,
            restart_policy=restart_policy,
            resources=core_v1.ResourceRequirements(requests=asked) if asked else None,
            ports=tuple(
                [
                    core_v1.ContainerPort(container_port=port, host_port=port, host_ip=ip, protocol=protocol)
                    for port, ip, protocol in ports
                ]
            ),
        )

    @staticmethod
    def pod(name, *containers, uid=None, node=None, phase="Pending", conditions=None, deleted=None, **spec):
        return core_v1.Pod(
            metadata=meta_v1.ObjectMeta(
                name=name, namespace="default", uid=uid or f"uid-{name}", deletion_timestamp=deleted
            ),
            spec=core_v1.PodSpec(containers=containers or (Kit.container(),), node_name=node, **spec),
            status=core_v1.PodStatus(phase=phase, conditions=conditions),
        )

    @staticmethod
    def affinity(*terms, preferred=()):
        """Give node affinity: terms are (labels, fields), each a tuple of (key, operator, *values)."""
        required = core_v1.NodeSelector(node_selector_terms=tuple([Kit.term(*term) for term in terms]))
        weighed = tuple(
            [core_v1.PreferredSchedulingTerm(weight=weight, preference=Kit.term(*term)) for weight, term in preferred]
        )
        return core_v1.Affinity(
            node_affinity=core_v1.NodeAffinity(
                required_during_scheduling_ignored_during_execution=required if terms else None,
                preferred_during_scheduling_ignored_during_execution=weighed,
            )
        )

    @staticmethod
    def term(expressions=(), fields=()):
        def requirements(rows):
            return tuple(
                [
                    core_v1.NodeSelectorRequirement(key=key, operator=word, values=tuple(values))
                    for key, word, *values in rows
                ]
            )

        return core_v1.NodeSelectorTerm(match_expressions=requirements(expressions), match_fields=requirements(fields))

    @staticmethod
    def toleration(key=None, operator=None, value=None, effect=None):
        return core_v1.Toleration(key=key, operator=operator, value=value, effect=effect)

    @staticmethod
    def calls(effects, subresource):
        return [each for each in effects if isinstance(each, Call) and each.request.subresource == subresource]

    @staticmethod
    def records(effects):
        return [each for each in effects if isinstance(each, Record)]

    @staticmethod
    def fresh(seed=7, configuration=DEFAULTS, gates=Map()):  # noqa: B008 -- it is immutable
        """Begin a scheduler that has been told nothing yet."""
        played = Play(scheduler.begin(Dice(seed, "scheduler"), configuration, gates))
        assert played.hear(Started(0)) == ()
        return played

    @staticmethod
    def play(*nodes, pods=(), seed=7, configuration=DEFAULTS, gates=Map(), **others):  # noqa: B008 -- as above
        """Begin a scheduler that knows these nodes and pods, and objects of other resources."""
        played = Kit.fresh(seed, configuration, gates)
        for watch in scheduler.watches(played.state):
            if watch.name not in {"nodes", "pods"}:
                played.tell(watch.name, *others.get(watch.name, ()))
        played.tell("nodes", *nodes)
        played.tell("pods", *pods)
        return played


@pytest.fixture(scope="session")
def kit():
    return Kit
