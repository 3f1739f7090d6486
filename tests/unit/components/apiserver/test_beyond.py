"""What a server serves only while a feature gate is on: LeaseCandidates, and what a Lease says of them."""

import pytest

from reconcile.api import convert, kinds, versions
from reconcile.components import apiserver
from reconcile.lib.dice import Dice
from reconcile.lib.mapping import Map
from reconcile.model.programs import Options

ON = Map({"CoordinatedLeaderElection": True})
CANDIDATES = "leasecandidates.coordination.k8s.io"
BOTH = ("coordination.k8s.io/v1beta1", "coordination.k8s.io/v1alpha2")
CANDIDATE = {
    "apiVersion": "coordination.k8s.io/v1beta1",
    "kind": "LeaseCandidate",
    "metadata": {"name": "x"},
    "spec": {
        "leaseName": "lock",
        "binaryVersion": "1.36.0",
        "emulationVersion": "1.36.0",
        "strategy": "OldestEmulationVersion",
    },
}


def begun(feature_gates=None, options=None, **others):
    return apiserver.begin("s", Dice(1, "s"), feature_gates=feature_gates, options=options or Options(), **others)


def flags(config="", gates=None):
    return Options(given=Map({"runtime-config": config} if config else {}), gates=Map(gates or {}))


@pytest.mark.parametrize(
    ("gates", "options", "served"),
    [
        (None, None, ()),
        (Map({"HPAScaleToZero": True}), None, ()),
        (ON, None, BOTH),
        (ON, flags("coordination.k8s.io/v1alpha2=false"), BOTH[:1]),
        (ON, flags("api/all=false"), ()),
        (None, flags(gates={"CoordinatedLeaderElection": True}), ()),
        (None, flags("coordination.k8s.io/v1beta1=true"), BOTH[:1]),
        (None, flags("api/beta"), BOTH[:1]),
        (None, flags("scheduling.k8s.io/v1alpha2=true"), ()),
        (None, flags("scheduling.k8s.io/v1alpha2=true", {"GenericWorkload": True}), ("scheduling.k8s.io/v1alpha2",)),
        (Map({"GenericWorkload": True}), None, ("scheduling.k8s.io/v1alpha2",)),
        (None, flags("api/all=true,coordination.k8s.io/v1beta1/leasecandidates=false"), BOTH[1:]),
    ],
)
def test_what_gates_and_flags_let_a_server_serve(gates, options, served):
    assert begun(gates, options).beyond == served


def test_without_the_gate_there_are_no_candidates(server):
    assert server("list", CANDIDATES, "default").code == 404
    assert server("create", CANDIDATES, "default", body=CANDIDATE).code == 404


def test_a_candidate_is_stored_as_v1beta1_and_asked_for_only_in_what_is_served(server):
    server.state = begun(ON)
    made = server.made(CANDIDATES, CANDIDATE)
    assert isinstance(made, kinds.resource(CANDIDATES).object_class)
    old = versions.served(made, BOTH[1])
    assert (old.api_version, versions.stored(old)) == (BOTH[1], made)
    server.state = begun(ON, flags("coordination.k8s.io/v1alpha2=false"))
    assert server("get", CANDIDATES, "default", "x").ok
    assert server("get", CANDIDATES, "default", "x", version="v1beta1").ok
    assert server("get", CANDIDATES, "default", "x", version="v1alpha2").code == 404


def lease(**spec):
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "x"}, "spec": spec}


def test_what_a_lease_says_of_them_is_dropped_while_the_gate_is_off_but_where_it_stands_already(server):
    said = lease(strategy="OldestEmulationVersion", preferredHolder="b")
    made = server.made("leases.coordination.k8s.io", said)
    assert (made.spec.strategy, made.spec.preferred_holder) == (None, None)
    server.state = begun(ON)
    body = convert.load({**said, "metadata": {"name": "x", "resourceVersion": made.metadata.resource_version}}).object
    kept = server("update", "leases.coordination.k8s.io", "default", "x", body=body).body
    assert (kept.spec.strategy, kept.spec.preferred_holder) == ("OldestEmulationVersion", "b")
    server.state = begun()
    again = convert.dump(kept) | {"spec": {"strategy": "OldestEmulationVersion", "preferredHolder": "c"}}
    after = server("update", "leases.coordination.k8s.io", "default", "x", body=again).body
    assert (after.spec.strategy, after.spec.preferred_holder) == ("OldestEmulationVersion", "c")
