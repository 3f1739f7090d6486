"""What a cluster at rest may not have."""

import attrs

from reconcile.api import core_v1
from reconcile.api.scalars import Time
from reconcile.lib.replacing import replace
from reconcile.properties import leftovers


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


def test_a_node_that_its_user_cordoned_is_well(cluster, rewritten):
    node = cluster.get("nodes", "node-1")
    taint = core_v1.Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")
    assert leftovers(rewritten(cluster, "nodes", node, spec=replace(node.spec, taints=(taint,))).after) != ()
    cordoned = replace(node.spec, taints=(taint,), unschedulable=True)
    assert leftovers(rewritten(cluster, "nodes", node, spec=cordoned).after) == ()


def test_a_pod_that_the_scheduler_may_not_bind_does_not_wait_in_vain(cluster, written, pod):
    (container,) = pod.spec.containers
    ported = replace(container, ports=(core_v1.ContainerPort(container_port=80, host_port=80),))
    for part in (
        {"scheduling_gates": (core_v1.PodSchedulingGate(name="not-yet"),)},
        {"scheduler_name": "another"},
        {"containers": (ported,)},
    ):
        metadata = replace(pod.metadata, name="loose", uid="loose", labels=None)
        loose = replace(pod, spec=replace(pod.spec, node_name=None, **part), metadata=metadata)
        assert leftovers(written(cluster, "pods", "default/loose", loose).after) == (), part
