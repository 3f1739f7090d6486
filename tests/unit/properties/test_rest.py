"""What a cluster at rest must be, and what it may not have."""

import attrs

from reconcile.api import core_v1
from reconcile.api.scalars import Time
from reconcile.lib.replacing import replace
from reconcile.properties import leftovers, normal
from reconcile.properties.rest import differences


def test_the_end_of_a_deployment(cluster):
    ends = normal(cluster)
    assert sorted(ends) == ["deployments.apps web", "services kubernetes", "services web"]
    web = ends["deployments.apps web"]
    assert (web["wants"], web["images"], web["observed"]) == (2, ["web:1"], True)
    assert web["pods"] == [[{"images": "web:1", "phase": "Running", "ready": True}, 2]]
    assert web["conditions"] == {"Available": "True", "Progressing": "True"}
    assert ends["services web"] == {"backends": 2}


def test_ends_that_differ_are_said(cluster):
    ends = normal(cluster)
    assert differences(ends, ends) == ()
    others = {name: end for name, end in ends.items() if name != "services web"}
    assert differences(ends, others) == ("services web is {'backends': 2}, undisturbed it is not there",)


def test_nothing_is_left_over(cluster):
    assert leftovers(cluster) == ()


def test_leftovers_are_found(cluster, written, rewritten, pod):
    key = f"default/{pod.metadata.name}"
    leaving = replace(pod.metadata, deletion_timestamp=Time.at(cluster.now))
    owners = (replace(pod.metadata.owner_references[0], uid="gone"),)
    node = cluster.get("nodes", "node-1")
    taint = core_v1.Taint(key="node.kubernetes.io/unreachable", effect="NoExecute")
    loose = replace(pod, spec=replace(pod.spec, node_name=None), metadata=replace(pod.metadata, name="loose", uid="l"))
    endpoints = cluster.get("endpoints", "web")
    runtime = f"runtime/{pod.spec.node_name}"
    empty = attrs.evolve(cluster.states[runtime], sandboxes=type(cluster.states[runtime].sandboxes)())
    found = {
        "is being deleted": rewritten(cluster, "pods", pod, metadata=leaving).after,
        "which is gone": rewritten(cluster, "pods", pod, metadata=replace(pod.metadata, owner_references=owners)).after,
        "has the taint": rewritten(cluster, "nodes", node, spec=replace(node.spec, taints=(taint,))).after,
        "is not ready": rewritten(cluster, "nodes", node, status=replace(node.status, conditions=())).after,
        "waits though it fits": written(cluster, "pods", "default/loose", loose).after,
        "endpoints default/web are []": rewritten(cluster, "endpoints", endpoints, subsets=()).after,
        f"pod {key} is bound and does not run": attrs.evolve(cluster, states=cluster.states.set(runtime, empty)),
    }
    for words, mutated in found.items():
        assert any(words in said for said in leftovers(mutated)), words
