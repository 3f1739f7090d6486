"""What tests of pod groups begin with."""

from __future__ import annotations

import attrs

from reconcile.api import core_v1, meta_v1
from reconcile.api import scheduling_v1alpha2 as api
from reconcile.lib.mapping import Map
from reconcile.model.pods.grouping import GROUPS

GENERIC = Map({"GenericWorkload": True})
GANGS = Map({"GenericWorkload": True, "GangScheduling": True})


def group(name="g", count=None, **metadata):
    """Give a gang of *count*, or a group of the basic policy."""
    gang = None if count is None else api.GangSchedulingPolicy(min_count=count)
    basic = api.BasicSchedulingPolicy() if count is None else None
    made = meta_v1.ObjectMeta(name=name, namespace="default", uid=f"uid-{name}", **metadata)
    policy = api.PodGroupSchedulingPolicy(basic=basic, gang=gang)
    return api.PodGroup(metadata=made, spec=api.PodGroupSpec(scheduling_policy=policy))


class Gangs:
    """A scheduler, its nodes of two cores each, and pods of one core that name a group."""

    def __init__(self, kit, *nodes, gates=GANGS, groups=(), **others):
        self.kit = kit
        self.play = kit.play(*[self.node(name) for name in nodes], gates=gates, **{GROUPS: groups}, **others)
        self.effects = ()

    def node(self, name, cpu="2"):
        return self.kit.node(name, cpu=cpu)

    def pod(self, name, group="g", cpu="1", **spec):
        named = core_v1.PodSchedulingGroup(pod_group_name=group) if group else None
        return self.kit.pod(name, self.kit.container(cpu=cpu), scheduling_group=named, **spec)

    def come(self, *names, **spec):
        self.play.tell("pods", *[self.pod(name, **spec) for name in names])

    def turns(self, most=20):
        """Have turns until nobody has one; give who is sent to be bound, and where."""
        found = {}
        self.effects = ()
        for _ in range(most):
            effects = self.play.turn()
            if not effects:
                return found
            self.effects = (*self.effects, *effects)
            for call in self.kit.calls(effects, "binding"):
                found[call.request.name] = call.request.body.target.name
                self.play.answer(call)
                self.play.confirm(call)
        raise AssertionError("they never end")

    def said(self):
        """Give what was said of each pod that found no node."""
        records = [each for each in self.kit.records(self.effects) if each.reason == "FailedScheduling"]
        return {each.about.metadata.name: each.message for each in records}

    def conditions(self):
        """Give the conditions that were written of groups."""
        written = [call.request for call in self.kit.calls(self.effects, "status") if call.request.resource == GROUPS]
        return [
            (request.name, *[condition.get(name) for name in ("status", "reason", "message")])
            for request in written
            for condition in request.body["status"]["conditions"]
        ]

    def places(self):
        return {key.partition("/")[2]: entry.place for key, entry in self.play.state.queue.entries.items()}

    def gate(self, pod, *names):
        gates = tuple([core_v1.PodSchedulingGate(name=name) for name in names]) or None
        return attrs.evolve(pod, spec=attrs.evolve(pod.spec, scheduling_gates=gates))
