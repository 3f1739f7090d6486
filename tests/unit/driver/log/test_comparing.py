import json
from copy import deepcopy

import pytest

from reconcile.cluster import Cluster, Topology
from reconcile.driver.client import create, scale
from reconcile.driver.log.chain import DamagedLog
from reconcile.driver.log.comparing import Comparison, _patched, _stored, compare, recording_of
from reconcile.driver.log.recording import Recorder
from reconcile.driver.log.replay import replay
from reconcile.events import StopHost, Submit

WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
    },
}
REQUEST = Submit(request=create(WEB), tag="t")


def recorded(*events, seed=3, detail="changes", nodes=2):
    lines = []
    recorder = Recorder(Cluster.boot(Topology(nodes=nodes), seed=seed), lines.append, detail=detail)
    recorder.settle()
    for event in events:
        recorder.settle((event,))
    recorder.end()
    return [line.encode() for line in lines]


@pytest.fixture(scope="module")
def plain():
    return recorded(REQUEST)


def test_a_run_is_the_same_as_itself(plain):
    assert compare(plain, recorded(REQUEST)) == Comparison()
    assert compare(plain, plain).same


def test_objects_from_changes_are_those_of_a_replay(plain):
    assert recording_of(plain).end == _stored(replay(plain).cluster.store)


def test_other_seed(plain):
    found = compare(plain, recorded(REQUEST, seed=4))
    assert found.header == (("seed", 3, 4),)
    assert found.parting is not None
    # The pods are the same but for their names.
    assert found.only_one == found.only_other == ()
    assert {key for key, _, _ in found.paired} >= {"pods"}
    own = [(key, name) for key, name, _ in found.fields]
    assert ("deployments.apps", "default/web") not in own
    assert not [row for row in found.events if "web" in row[0]]


def test_a_request_more(plain):
    found = compare(plain, recorded(REQUEST, Submit(request=scale("deploy", "web", 3), tag="u")))
    assert found.parting is not None
    assert found.parting.step == sum(len(json.loads(line).get("marks", "")) for line in plain) // 4
    what, one, other = found.parting.rows[0]
    assert (what, one) == ("event", "no event")
    assert other.startswith("submit PATCH /apis/apps/v1/namespaces/default/deployments/web/scale")
    assert [key for key, _ in found.only_other] == ["pods"]
    fields = {(key, name): rows for key, name, rows in found.fields}
    assert ("spec.replicas", 2, 3) in fields["deployments.apps", "default/web"]


def test_another_event_instead(plain):
    found = compare(plain, recorded(StopHost("node-2")))
    assert found.parting.rows[0][0] == "event"
    assert found.parting.rows[0][2] == "stop host node-2"


def test_without_changes_the_ends_are_replayed(plain):
    steps = recorded(REQUEST, detail="steps")
    found = compare(plain, steps)
    assert found.header == (("detail", "changes", "steps"),)
    assert found.fields == found.only_one == found.only_other == ()
    assert found.parting is None


def test_what_is_not_ignored_differs(plain):
    found = compare(plain, recorded(REQUEST, seed=4), ignore=())
    rows = {path for _, name, rows in found.fields if name == "default/web" for path, _, _ in rows}
    assert "metadata.uid" in rows


def test_the_keys_of_a_config_map_are_nobodys_fields():
    one, other = (
        recorded(
            Submit(request=create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": data}))
        )
        for data in ({"uid": "a", "at": "2026-01-01T00:00:00Z"}, {"uid": "b", "at": "2026-01-02T00:00:00Z"})
    )
    found = compare(one, other)
    assert found.fields == (("configmaps", "default/m", (("data.uid", "a", "b"),)),)


def test_what_is_put_together_from_changes_leaves_them_as_they_were(plain):
    run = recording_of(plain)
    before = deepcopy(run.changes)
    assert run.put_together(()) == run.end
    assert run.changes == before


def test_damage_is_refused(plain):
    with pytest.raises(DamagedLog):
        compare(plain, [plain[0], b"{}\n", *plain[2:]])


def test_patches():
    assert _patched({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": None, "e": {}}, "d": [2]}) == {
        "a": {"c": 2, "e": {}},
        "d": [2],
    }
