import pytest

from reconcile.adapters.cli.run import begun
from reconcile.adapters.cli.session import Circling, Recorded, Session, Unrecorded
from reconcile.cluster import Cluster, Topology
from reconcile.components.controllers import Controller, Outcome, Source, keys_of_itself
from reconcile.driver.client import create, patch
from reconcile.driver.log.recording import Recorder
from reconcile.driver.log.replay import replay
from reconcile.events import Submit
from reconcile.lib.instant import MINUTE

NOTE = create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note"}, "data": {"word": "maybe"}})
SAID = "controller no and controller yes go round in a circle, "


def says(word):
    def reconcile(asked):
        found = asked.views.get("configmaps", asked.key)
        if asked.key != "default/note" or found is None or found.data["word"] == word:
            return Outcome()
        return Outcome(calls=(patch("configmaps", "note", {"data": {"word": word}}),))

    return Controller(name=word, sources=(Source("configmaps", keys_of_itself),), reconcile=reconcile)


CONTROLLERS = (says("yes"), says("no"))


def fighting():
    return Cluster.boot(Topology(nodes=1), seed=1, controllers=CONTROLLERS)


def unwatched(player):
    return Session(player, 10 * MINUTE, lambda _: None, lambda *_: None, lambda: False)


def test_a_session_ends_in_a_circle():
    session = unwatched(Unrecorded(fighting()))
    assert session.settle()
    now = session.cluster.now
    with pytest.raises(Circling, match=SAID):
        session.happen(Submit(request=NOTE))
    assert session.cluster.now == now


def test_a_circle_that_is_come_upon_in_slices_ends_it_too():
    player = Unrecorded(fighting())
    session = unwatched(player)
    session.settle()
    player.step(Submit(request=NOTE))
    assert not player.run(steps=15_000).circle
    with pytest.raises(Circling, match=SAID):
        session.settle()


def test_a_job_tells_of_a_circle_and_is_not_converged(capsys):
    lines = []
    player = Recorded(lines.append, lambda keep: Recorder(fighting(), keep))
    with begun(player, 10 * MINUTE, lambda: 0, quiet=True) as job:
        job.bring_up()
        player.step(Submit(request=NOTE))
        job.settle()
    assert job.report(0.0) == 2
    said = capsys.readouterr().out
    assert "\nnot converged after " in said
    assert f"\ntime stands still:\n  {SAID}" in said
    assert " after power-on: 20,000 steps at one instant; in the last 10,000 " in said
    assert "configmaps default/note data.word written 1,250 times by controller" in said
    assert "what still moves" not in said
    assert replay([line.encode() for line in lines], controllers=CONTROLLERS).identical
