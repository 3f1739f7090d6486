"""A script is played again up to where it waits, and what it says beside its calls counts once."""

import attrs

from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers import Controller, Source, keys_of_itself
from reconcile.components.controllers.runtime import Views
from reconcile.components.controllers.workloads import sittings
from reconcile.components.controllers.workloads.consistency import Writes, behind, wrote
from reconcile.components.controllers.workloads.sittings import End, Memory, batches, together
from reconcile.effects import Record
from reconcile.lib.mapping import Map
from reconcile.lib.table import Table
from reconcile.model.requests import Request, Response
from tests.unit.components.controllers.lab import Lab

MAPS = "configmaps"


def a_map(name, **data):
    metadata = meta_v1.ObjectMeta(name=name, namespace="default")
    return core_v1.ConfigMap(metadata=metadata, data=Map(data) or None)


def create(name):
    return Request(verb="create", resource=MAPS, namespace="default", body=a_map(name))


def script(seen, now, notes):
    notes.record(Record(seen, "Normal", "Began", ""))
    notes.change(lambda own: (*own, "began"))
    (one,) = yield (create("one"),)
    notes.record(Record(seen, "Normal", "Made", one.body.metadata.name))
    found = yield from together([_pair("a"), _pair("b")])
    notes.change(lambda own: (*own, *found))
    return End(after=None if one.ok else 1)


def _pair(name):
    yield (create(name),)
    (second,) = yield (create(f"{name}2"),)
    return second.body.metadata.name


def reconcile(ask):
    found = ask.views.get(MAPS, ask.key)
    if found is None or found.metadata.name != "start":
        return sittings.Outcome()
    return sittings.resume(ask, found.metadata.uid, script, (MAPS,)) or sittings.begin(ask, found, script, (MAPS,))


def test_a_script_is_played_to_its_end():
    controller = Controller(
        name="c", sources=(Source(MAPS, keys_of_itself),), reconcile=reconcile, memory=lambda: Memory(own=())
    )
    lab = Lab(controller)
    lab.put(MAPS, a_map("start"))
    lab.settle()
    assert [request.body.metadata.name for request in lab.requests] == ["one", "a", "b", "a2", "b2"]
    assert [record.reason for record in lab.records] == ["Began", "Made"]
    memory = lab.state.works[0].memory
    assert memory.own == ("began", "a2", "b2")
    assert not len(memory.sittings)
    newest = int(lab.get(MAPS, "default/b2").metadata.resource_version)
    assert memory.writes["default/start"].versions == Map({MAPS: newest})
    assert sittings.forgotten(memory, "default/start") == Memory(own=memory.own)


def test_batches_double():
    assert [*batches(0)] == []
    assert [*batches(10)] == [(0, 1), (1, 3), (3, 7), (7, 10)]
    assert [*batches(8, 4, 4)] == [(0, 4), (4, 8)]


def test_a_cache_is_behind_until_it_is_as_new():
    made = attrs.evolve(a_map("x"), metadata=meta_v1.ObjectMeta(name="x", resource_version="7"))
    known = wrote(Table(), "k", "uid", create("x"), Response(201, made))
    assert known["k"] == Writes("uid", Map({MAPS: 7}))
    assert wrote(known, "k", "uid", create("x"), Response(409, meta_v1.Status())) is known
    delete = Request(verb="delete", resource=MAPS, namespace="default", name="x")
    assert wrote(known, "k", "uid", delete, Response(200, made)) is known
    assert wrote(known, "k", "other", create("x"), Response(201, made))["k"].uid == "other"
    views = Views.of((MAPS,))
    why = "read version: 6 is not as new as written version: 7 for group resource configmaps"
    assert behind(known, "k", views.having(MAPS, Table(), 6)) == why
    assert behind(known, "k", views.having(MAPS, Table(), 7)) == behind(Table(), "k", views) == ""
