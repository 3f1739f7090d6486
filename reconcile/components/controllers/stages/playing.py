"""
Playing stages: one object is matched, waits for its stage's delay, and is patched, deleted, or spoken of.

As in KWOK, a stage is decided anew whenever the object changes, and everything in it is rendered from the object that
it was decided for.

Takes:    changes of one resource's objects, and of nodes.
Gives:    patches, deletes, event records.
Source:   https://kwok.sigs.k8s.io/docs/design/architecture/
Left out: see docs/limits.md, "World".
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, Final

import attrs

from reconcile.api import convert
from reconcile.api.kinds import Resource
from reconcile.components.controllers.answers import is_done, text_of
from reconcile.components.controllers.runtime import Ask, Key, Outcome, Views
from reconcile.components.controllers.stages.memory import Memory, Plan
from reconcile.effects import Record
from reconcile.lib.dice import Dice
from reconcile.lib.gotemplate import TemplateError
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import definitions, selectors
from reconcile.model.patches import Unpatchable
from reconcile.model.requests import Request, User
from reconcile.model.stages import Around, Doing, Seen, Settings, Stage, chosen, delay_of, matching, steps_of
from reconcile.model.stages.functions import networks_of
from reconcile.model.stages.playing import patched
from reconcile.store import Change

DEFINITIONS: Final = "customresourcedefinitions.apiextensions.k8s.io"
_AUTHENTICATED: Final = "system:authenticated"


@attrs.frozen
class Play:
    """The stages of one resource, with the settings and the seed of the cluster."""

    resource: str
    stages: tuple[Stage, ...]
    settings: Settings
    seed: int

    def keys(self, change: Change, _: Views) -> tuple[Key, ...]:
        """Give the object that changed, if it is bound where that matters."""
        if self.resource == "pods" and change.new is not None and not change.new.spec.node_name:
            return ()
        return (change.key,)


@attrs.frozen
class CustomPlay:
    """The stages of custom resources, by kind and group; a key is the resource and the object's key."""

    stages: Map[tuple[Stage, ...]]
    settings: Settings
    seed: int

    def keys(self, change: Change, _: Views) -> tuple[Key, ...]:
        """Give the object that changed, if there are stages of its kind."""
        group = change.resource.partition(".")[2]
        obj = change.new if change.new is not None else change.old
        return (f"{change.resource} {change.key}",) if f"{obj.kind}.{group}" in self.stages else ()

    def of(self, resource: str, kind: str) -> Play:
        """Give the stages of one resource, now that its name is known."""
        return _known(self.stages[f"{kind}.{resource.partition('.')[2]}"], resource, self.settings, self.seed)


@lru_cache(maxsize=256)
def _known(stages: tuple[Stage, ...], resource: str, settings: Settings, seed: int) -> Play:
    return Play(resource, tuple([attrs.evolve(stage, resource=resource) for stage in stages]), settings, seed)


def keys_of_node(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the pods of a node that came, or became one that is played."""
    old, new = change.old, change.new
    if new is None or (old is not None and old.metadata.annotations == new.metadata.annotations):
        return ()
    return views.table("pods").keys_under("node", change.key)


def observe(play: Play, memory: Memory, change: Change, views: Views, now: Instant) -> Memory:
    """Note which addresses pods have, and since when there is anything."""
    if not memory.start:
        memory = replace(memory, start=now)
    if change.resource != "pods":
        return memory
    old, new = change.old, change.new
    pool = memory.pool
    if new is not None:
        for address in _addresses(new) if not new.spec.host_network else ():
            pool = pool.took(address, change.key)
    elif old is not None:
        networks = networks_of(views.get("nodes", old.spec.node_name or ""), play.settings)
        for address in _addresses(old):
            pool = pool.gave_back(address, networks)
    return memory if pool is memory.pool else replace(memory, pool=pool)


def _addresses(pod: Any) -> tuple[str, ...]:
    status = pod.status
    if status is None or not status.pod_ip:
        return ()
    return tuple(dict.fromkeys([status.pod_ip, *[each.ip for each in status.pod_ips or () if each.ip]]))


def is_played(settings: Settings, node: Any) -> bool:
    """Tell whether a node is one that stages play."""
    metadata = node.metadata
    if settings.single_node:
        return bool(metadata.name == settings.single_node)
    if settings.all_nodes:
        return True
    if settings.nodes_with_labels:
        return selectors.fits(selectors.parse_labels(settings.nodes_with_labels), metadata.labels)
    wanted = selectors.parse_labels(settings.nodes_with_annotations)
    return bool(wanted) and selectors.fits(wanted, metadata.annotations)


def reconcile_custom(play: CustomPlay, ask: Ask) -> Outcome:
    """Bring one custom object on its way."""
    resource, _, key = ask.key.partition(" ")
    memory: Memory = ask.memory
    obj = ask.views.get(resource, key)
    if obj is not None:
        return _reconciled(play.of(resource, obj.kind), ask, obj)
    return Outcome(memory=replace(memory, plans=memory.plans.remove(ask.key))) if ask.key in memory.plans else Outcome()


def reconcile(play: Play, ask: Ask) -> Outcome:
    """Bring one object on its way: decide, wait, play."""
    return _reconciled(play, ask, ask.views.get(play.resource, ask.key))


def _reconciled(play: Play, ask: Ask, obj: Any) -> Outcome:
    memory: Memory = ask.memory
    plan = memory.plans.get(ask.key)
    if ask.answers and plan is not None:
        return _answered(play, ask, plan)
    if obj is None or not _concerns(play, ask.views, obj):
        return Outcome() if plan is None else Outcome(memory=replace(memory, plans=memory.plans.remove(ask.key)))
    if plan is None or _is_older(plan.object, obj):
        return _decided(play, ask, memory, obj)
    return _waited(play, ask, memory, plan)


def _is_older(known: Any, obj: Any) -> bool:
    """Tell whether *obj* is news: a cache may be behind what an answer has told already."""
    if known.metadata.uid != obj.metadata.uid:
        return True
    return int(known.metadata.resource_version or 0) < int(obj.metadata.resource_version or 0)


def _concerns(play: Play, views: Views, obj: Any) -> bool:
    settings, metadata = play.settings, obj.metadata
    for text, there in (
        (settings.not_with_annotations, metadata.annotations),
        (settings.not_with_labels, metadata.labels),
    ):
        if text and there and selectors.fits(selectors.parse_labels(text), there):
            return False
    if play.resource == "nodes":
        return is_played(settings, obj)
    if play.resource != "pods":
        return True
    node = views.get("nodes", obj.spec.node_name) if obj.spec.node_name else None
    return node is not None and is_played(settings, node)


def _decided(play: Play, ask: Ask, memory: Memory, obj: Any) -> Outcome:
    """Decide which stage an object goes into, and when."""
    seen = Seen(obj, convert.dump(obj))
    dice = _dice(play, ask, obj)
    stage, dice = chosen(play.stages, seen, dice)
    if stage is None:
        return Outcome(memory=replace(memory, plans=memory.plans.set(ask.key, Plan(object=obj))))
    delay, _ = delay_of(stage, seen, ask.now, dice)
    plan = Plan(object=obj, stage=play.stages.index(stage), due=ask.now + delay)
    if delay and stage.name not in memory.returning:
        returns = _returns(play, ask, memory, stage, seen)
        memory = replace(memory, returning=memory.returning.set(stage.name, returns))
    return _waited(play, ask, replace(memory, plans=memory.plans.set(ask.key, plan)), plan)


def _dice(play: Play, ask: Ask, obj: Any) -> Dice:
    # A stream for each object as it is: so that what becomes of one shifts no other's chances.
    metadata = obj.metadata
    return Dice(play.seed, f"kwok/{play.resource}/{ask.key}/{metadata.uid}/{metadata.resource_version}")


def _waited(play: Play, ask: Ask, memory: Memory, plan: Plan) -> Outcome:
    if plan.stage < 0:
        return Outcome(memory=memory)
    if plan.playing is not None:  # it failed, and its time has come again
        return _called(ask, memory, plan, plan.playing, ())
    if plan.due > ask.now:
        returns = memory.returning.get(play.stages[plan.stage].name, False)
        return Outcome(memory=memory, after=plan.due - ask.now, after_is_periodic=returns)
    return _played(play, ask, memory, plan)


def _played(play: Play, ask: Ask, memory: Memory, plan: Plan) -> Outcome:
    stage, seen = play.stages[plan.stage], Seen(plan.object, convert.dump(plan.object))
    around = _around(play, ask, memory)
    try:
        doings = steps_of(stage, seen, around, partial(_defined, ask.views))
    except TemplateError as error:
        return Outcome(memory=memory, error=f"stage {stage.name} cannot be played: {error}")
    memory = replace(memory, pool=around.pool)
    requests = tuple([each for each in doings if each.request is not None])
    return _called(ask, memory, plan, requests, _records(plan.object, doings))


def _defined(views: Views, version: str, kind: str) -> Resource | None:
    if not views.has(DEFINITIONS):
        return None
    return definitions.resource_for(views.table(DEFINITIONS).values(), version, kind)


def _around(play: Play, ask: Ask, memory: Memory) -> Around:
    return Around(
        play.settings,
        now=ask.now,
        start=memory.start,
        dice=Dice(play.seed, f"kwok/{play.resource}/{ask.key}/{ask.now}"),
        pool=memory.pool,
        node=lambda name: ask.views.get("nodes", name) if ask.views.has("nodes") else None,
        key=str(ask.key),
    )


def _records(obj: Any, doings: tuple[Doing, ...]) -> tuple[Record, ...]:
    notes = [each.note for each in doings if each.note is not None]
    kinds = {"Normal": "Normal", "Warning": "Warning"}
    return tuple([Record(obj, kinds[note.type], note.reason, note.message) for note in notes])  # type: ignore[arg-type]


def _called(ask: Ask, memory: Memory, plan: Plan, requests: tuple[Doing, ...], records: tuple[Record, ...]) -> Outcome:
    """Send the first of what is to be asked; the stage is done if there is nothing."""
    first = requests[0] if requests else None
    if first is None or first.request is None:
        done = replace(plan, stage=-1, playing=None)
        return Outcome(memory=replace(memory, plans=memory.plans.set(ask.key, done)), records=records)
    plan = replace(plan, playing=requests)
    memory = replace(memory, plans=memory.plans.set(ask.key, plan))
    user = User(name=first.username, groups=(_AUTHENTICATED,)) if first.username else None
    return Outcome(calls=(first.request,), records=records, memory=memory, again=True, user=user)


def _answered(play: Play, ask: Ask, plan: Plan) -> Outcome:
    memory: Memory = ask.memory
    request, response = ask.answers[0]
    playing = plan.playing or ()
    if response.reason == "AlreadyExists" and playing and playing[0].otherwise is not None:
        there = attrs.evolve(playing[0], request=playing[0].otherwise, otherwise=None)
        return _called(ask, memory, plan, (there, *playing[1:]), ())
    if not response.ok and not is_done(response):
        return Outcome(error=text_of(response))
    rest = playing[1:] if response.ok else ()
    if rest:
        return _called(ask, memory, plan, rest, ())
    stage = play.stages[plan.stage]
    if stage.immediate and response.ok and request.verb == "patch" and request.resource == play.resource:
        return _decided(play, ask, memory, response.body)
    return _called(ask, memory, plan, (), ())


def _is_of(request: Request, play: Play, seen: Seen) -> bool:
    return request.resource == play.resource and request.name == seen.metadata.get("name")


def _returns(play: Play, ask: Ask, memory: Memory, stage: Stage, seen: Seen) -> bool:
    """Tell whether an object that went into a stage may go into the same one again: then nobody waits for its end."""
    data = seen.data
    try:
        for doing in steps_of(stage, seen, _around(play, ask, memory), partial(_defined, ask.views)):
            if doing.request is not None and _is_of(doing.request, play, seen):
                if doing.request.verb == "delete":
                    return False
                data = patched(Seen(seen.obj, data), doing.request)
    except (TemplateError, Unpatchable):
        return False
    return stage in matching(play.stages, Seen(seen.obj, data))
