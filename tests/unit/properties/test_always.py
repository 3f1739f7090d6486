"""Every property holds in a cluster that is well, and a mutation breaks it, and no other; in both ways of asking."""

from copy import deepcopy

import attrs
import pytest

from reconcile.api import core_v1, meta_v1, policy_v1, storage_v1
from reconcile.api.quantity import Quantity
from reconcile.cluster.pending import Sent
from reconcile.driver import client
from reconcile.driver.machine import Machine
from reconcile.driver.run import play, run, settle
from reconcile.driver.step import apply_event
from reconcile.events import StopProcess, Submit
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model.requests import Request
from reconcile.properties import ALWAYS, SOMETIMES, Passage, broken_by, uids_after, uids_of, violations
from reconcile.store import Committed, Put, Txn, commit
from tests.unit.properties.conftest import WEB


def _standby(cluster):
    return next(process for process in cluster.processes.values() if not process.leading)


def runs_on_two_nodes(cluster, pod, rewritten):
    runtimes = [name for name in cluster.states if name.startswith("runtime/")]
    home = cluster.states[f"runtime/{pod.spec.node_name}"]
    other = next(name for name in runtimes if not name.endswith(pod.spec.node_name))
    sandboxes = cluster.states[other].sandboxes.set(pod.metadata.uid, home.sandboxes[pod.metadata.uid])
    state = attrs.evolve(cluster.states[other], sandboxes=sandboxes)
    return Passage(cluster, attrs.evolve(cluster, states=cluster.states.set(other, state)), ())


def is_bound_again(cluster, pod, rewritten):
    other = "node-1" if pod.spec.node_name == "node-2" else "node-2"
    passage = rewritten(cluster, "pods", pod, spec=replace(pod.spec, node_name=other))
    runtime = f"runtime/{pod.spec.node_name}"
    stopped = attrs.evolve(cluster.states[runtime], sandboxes=type(cluster.states[runtime].sandboxes)())
    return attrs.evolve(passage, after=attrs.evolve(passage.after, states=cluster.states.set(runtime, stopped)))


def hungry(pod):
    """Give a pod that asks for, and was given, more than any node has."""
    (container,), (row,) = pod.spec.containers, pod.status.container_statuses
    much = Map({"cpu": Quantity.parse("100")})
    asks = replace(container, resources=replace(container.resources, requests=much))
    status = replace(pod.status, container_statuses=(replace(row, allocated_resources=much),))
    return replace(pod, spec=replace(pod.spec, containers=(asks,)), status=status)


def asks_too_much(cluster, pod, rewritten):
    wanted = hungry(pod)
    return rewritten(cluster, "pods", pod, spec=wanted.spec, status=wanted.status)


def has_two_controllers(cluster, pod, rewritten):
    (owner,) = pod.metadata.owner_references
    owners = (owner, replace(owner, name="other", uid="other"))
    return rewritten(cluster, "pods", pod, metadata=replace(pod.metadata, owner_references=owners))


def has_an_owner_without_uid(cluster, pod, rewritten):
    owner = meta_v1.OwnerReference(api_version="apps/v1", kind="ReplicaSet", name="web", uid="")
    return rewritten(cluster, "pods", pod, metadata=replace(pod.metadata, owner_references=(owner,)))


def claims_a_version_to_come(cluster, pod, rewritten):
    passage = rewritten(cluster, "pods", pod, metadata=replace(pod.metadata, labels=Map({"app": "other"})))
    (change,) = passage.changes
    store = attrs.evolve(passage.after.store, revision=cluster.store.revision - 1)
    ahead = replace(change.new, metadata=replace(change.new.metadata, resource_version="999999"))
    return Passage(cluster, attrs.evolve(passage.after, store=store), (attrs.evolve(change, new=ahead),))


def has_the_uid_of_another(cluster, pod, rewritten):
    node, uid = cluster.get("nodes", "node-1"), cluster.get("namespaces", "default").metadata.uid
    return rewritten(cluster, "nodes", node, metadata=replace(node.metadata, uid=uid))


def takes_more_than_is_left(cluster, pod, rewritten):
    def quota(used):
        amounts = [Map({"configmaps": Quantity.parse(text)}) for text in ("1", used)]
        return core_v1.ResourceQuota(
            metadata=meta_v1.ObjectMeta(name="q", namespace="default", uid="the-quota"),
            status=core_v1.ResourceQuotaStatus(hard=amounts[0], used=amounts[1]),
        )

    config = core_v1.ConfigMap(metadata=meta_v1.ObjectMeta(name="c", namespace="default", uid="the-config"))
    counted = commit(cluster.store, Txn((), (Put("resourcequotas", "default/q", quota("1")),))).store
    puts = (Put("resourcequotas", "default/q", quota("2")), Put("configmaps", "default/c", config))
    done = commit(counted, Txn((), puts))
    before, after = (attrs.evolve(cluster, store=store) for store in (counted, done.store))
    return Passage(before, after, done.changes)


def lets_two_lead(cluster, pod, rewritten):
    standby = _standby(cluster)
    processes = cluster.processes.set(standby.name, attrs.evolve(standby, leading=True))
    return Passage(cluster, attrs.evolve(cluster, processes=processes), ())


def lets_a_standby_act(cluster, pod, rewritten):
    standby = _standby(cluster)
    request = Request(verb="delete", resource="pods", namespace="default", name=pod.metadata.name)
    sent = Sent(standby.name, standby.life, standby.host, standby.user, request, ("pod", 1), cluster.now)
    pending = cluster.pending.set(cluster.serial, sent)
    return Passage(cluster, attrs.evolve(cluster, pending=pending, serial=cluster.serial + 1), ())


def bears_the_name_of_no_ordinal(cluster, pod, rewritten):
    (owner,) = pod.metadata.owner_references
    owners = (replace(owner, kind="StatefulSet", name="db", uid="a-set"),)
    return rewritten(cluster, "pods", pod, metadata=replace(pod.metadata, owner_references=owners))


def claim(name, volume, phase="Bound"):
    return core_v1.PersistentVolumeClaim(
        metadata=meta_v1.ObjectMeta(name=name, namespace="default", uid=f"claim-{name}"),
        spec=core_v1.PersistentVolumeClaimSpec(volume_name=volume),
        status=core_v1.PersistentVolumeClaimStatus(phase=phase),
    )


def _put(cluster, *claims):
    puts = tuple([Put("persistentvolumeclaims", f"default/{each.metadata.name}", each) for each in claims])
    done = commit(cluster.store, Txn((), puts))
    assert isinstance(done, Committed)
    return Passage(cluster, attrs.evolve(cluster, store=done.store), done.changes)


def takes_the_volume_of_another(cluster, pod, rewritten):
    return _put(cluster, claim("one", "v"), claim("other", "v"))


def takes_another_volume(cluster, pod, rewritten):
    return _put(_put(cluster, claim("one", "v")).after, claim("one", "w"))


def test_a_claim_that_has_lost_its_volume_shares_none(cluster):
    passage = _put(cluster, claim("one", "v"), claim("other", "v", "Lost"), claim("free", None))
    assert (violations(passage.after), broken_by(passage, ALWAYS)) == ((), ())


def has_the_address_of_another(cluster, pod, rewritten):
    return rewritten(cluster, "pods", replace(pod, metadata=replace(pod.metadata, name="web-x", uid="x")))


def comes_to_life_again(cluster, pod, rewritten):
    ended = rewritten(cluster, "pods", pod, status=replace(pod.status, phase="Succeeded")).after
    return rewritten(ended, "pods", pod, status=pod.status)


def is_without_a_namespace(cluster, pod, rewritten):
    lost = core_v1.ConfigMap(metadata=meta_v1.ObjectMeta(name="c", namespace="gone", uid="lost"))
    return rewritten(cluster, "configmaps", lost, data=Map({"a": "b"}))


def allows_what_it_does_not_have(cluster, pod, rewritten):
    budget = policy_v1.PodDisruptionBudget(metadata=meta_v1.ObjectMeta(name="b", namespace="default", uid="a-budget"))
    status = policy_v1.PodDisruptionBudgetStatus(
        current_healthy=2, desired_healthy=2, disruptions_allowed=1, expected_pods=2
    )
    return rewritten(cluster, "poddisruptionbudgets.policy", budget, status=status)


def has_the_address_of_another_service(cluster, pod, rewritten):
    web = cluster.get("services", "web")
    return rewritten(
        cluster, "services", replace(web, metadata=replace(web.metadata, name="other", uid="other-service"))
    )


def is_on_two_nodes(cluster, pod, rewritten):
    def attachment(node):
        source = storage_v1.VolumeAttachmentSource(persistent_volume_name="disk")
        return storage_v1.VolumeAttachment(
            metadata=meta_v1.ObjectMeta(name=f"on-{node}", uid=f"on-{node}"),
            spec=storage_v1.VolumeAttachmentSpec(attacher="d", node_name=node, source=source),
            status=storage_v1.VolumeAttachmentStatus(attached=True),
        )

    metadata = meta_v1.ObjectMeta(name="disk", uid="disk")
    spec = core_v1.PersistentVolumeSpec(access_modes=("ReadWriteOnce",))
    disk = core_v1.PersistentVolume(metadata=metadata, spec=spec)
    there = rewritten(cluster, "persistentvolumes", disk).after
    there = rewritten(there, "volumeattachments.storage.k8s.io", attachment("node-1")).after
    return rewritten(there, "volumeattachments.storage.k8s.io", attachment("node-2"))


def shares_a_claim_of_one(cluster, pod, rewritten):
    wanted = claim("one", "v")
    alone = replace(wanted, spec=replace(wanted.spec, access_modes=("ReadWriteOncePod",)))
    source = core_v1.PersistentVolumeClaimVolumeSource(claim_name="one")
    volume = core_v1.Volume(name="data", persistent_volume_claim=source)
    has, asks = (replace(pod.spec, volumes=(volume,), node_name=node) for node in (pod.spec.node_name, None))
    there = rewritten(cluster, "persistentvolumeclaims", alone).after
    there = rewritten(there, "pods", pod, spec=has).after
    other = replace(pod, metadata=replace(pod.metadata, name="web-y", uid="y"), status=core_v1.PodStatus())
    waits = rewritten(there, "pods", replace(other, spec=asks)).after
    return rewritten(waits, "pods", other, spec=has)


MUTATIONS = {
    has_the_address_of_another: "no two pods with one address",
    comes_to_life_again: "a pod that has ended stays ended",
    is_without_a_namespace: "nothing without its namespace",
    allows_what_it_does_not_have: "a budget allows what it has",
    has_the_address_of_another_service: "no two services with one address",
    is_on_two_nodes: "a volume of one node is on one node",
    shares_a_claim_of_one: "a claim of one pod is of one pod",
    runs_on_two_nodes: "no pod on two nodes",
    is_bound_again: "a binding is for ever",
    asks_too_much: "no node over its allocatable",
    has_two_controllers: "owner references valid",
    has_an_owner_without_uid: "owner references valid",
    claims_a_version_to_come: "resourceVersion strictly grows",
    has_the_uid_of_another: "no uid twice",
    takes_more_than_is_left: "no quota exceeded",
    lets_two_lead: "at most one leader",
    lets_a_standby_act: "only the leader acts",
    bears_the_name_of_no_ordinal: "a stateful pod is itself",
    takes_the_volume_of_another: "a claim has one volume, a volume one claim",
    takes_another_volume: "a claim has one volume, a volume one claim",
}


def test_all_is_well(cluster):
    assert violations(cluster) == ()


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_a_mutation_breaks_its_property(mutate, cluster, pod, rewritten):
    passage = mutate(cluster, pod, rewritten)
    for said in (broken_by(passage, ALWAYS), violations(passage.after)):
        assert {sentence.partition(":")[0] for sentence in said} == {MUTATIONS[mutate]}, said


def test_whose_uids_are_kept_are_looked_up(cluster, pod, rewritten):
    passage = has_the_uid_of_another(cluster, pod, rewritten)
    kept = attrs.evolve(passage, uids=uids_of(cluster))
    assert broken_by(kept, ALWAYS) == broken_by(passage, ALWAYS) != ()
    assert broken_by(attrs.evolve(passage, uids=Table()), ALWAYS) == ()


def test_uids_are_kept_by_what_changes(cluster, pod):
    machine = Machine(cluster)
    machine.observed = []
    apply_event(machine, Submit(request=client.delete("pods", pod.metadata.name)))
    play(machine, None, machine.now + 60 * SECOND)
    changes = tuple([change for _, change in machine.observed])
    assert any(change.new is None for change in changes)
    assert uids_after(uids_of(cluster), changes) == uids_of(machine.closed()) != uids_of(cluster)


def test_a_pod_that_its_user_put_on_a_node_counts_once_the_kubelet_took_it(cluster, pod, written):
    big = replace(hungry(pod), metadata=replace(pod.metadata, name="big", uid="big"))
    put = written(cluster, "pods", "default/big", replace(big, status=None))
    assert (violations(put.after), broken_by(put, ALWAYS)) == ((), ())
    taken = written(put.after, "pods", "default/big", big)
    for said in (violations(taken.after), broken_by(taken, ALWAYS)):
        assert "no node over its allocatable" in {sentence.partition(":")[0] for sentence in said}


def test_a_node_may_shrink_under_its_pods(cluster, pod, rewritten):
    node = cluster.get("nodes", pod.spec.node_name)
    small = replace(node.status, allocatable=Map({**node.status.allocatable, "cpu": Quantity.parse("0")}))
    assert broken_by(rewritten(cluster, "nodes", node, status=small), ALWAYS) == ()


@pytest.mark.parametrize("how", ["frozen", "its lease is over", "it has read another's name", "it lets go of the lock"])
def test_who_leads_no_more_but_does_not_know_it_is_not_counted(how, cluster):
    standby = _standby(cluster)
    leading = attrs.evolve(standby, leading=True, kind="frozen" if how == "frozen" else standby.kind)
    state = attrs.evolve(cluster.elections[standby.name], leads=True)
    lock = attrs.evolve(state.lock, holder=state.identity, renewed=cluster.now)
    if how == "its lease is over":
        lock = attrs.evolve(lock, renewed=cluster.now - 15 * SECOND)
    elif how == "it has read another's name":
        lock = attrs.evolve(lock, holder="another")
    state = attrs.evolve(state, lock=lock, lost=how == "it lets go of the lock")
    processes, elections = cluster.processes, cluster.elections
    two = attrs.evolve(
        cluster,
        processes=processes.set(standby.name, leading),
        elections=elections.set(standby.name, state),
    )
    assert not [said for said in violations(two) if said.startswith("at most one leader")]
    surely = attrs.evolve(state, lock=attrs.evolve(lock, holder=state.identity, renewed=cluster.now), lost=False)
    both = attrs.evolve(
        cluster,
        processes=processes.set(standby.name, attrs.evolve(standby, leading=True)),
        elections=elections.set(standby.name, surely),
    )
    assert [said for said in violations(both) if said.startswith("at most one leader")]


def test_every_property_has_a_mutation():
    assert {each.name for each in ALWAYS} == set(MUTATIONS.values())


def with_image(image):
    manifest = deepcopy(WEB)
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return manifest


def reached(cluster):
    return {each.name for each in SOMETIMES if any(True for _ in each.check(cluster))}


def test_some_run_reaches_what_the_properties_are_about(cluster, pod):
    usual = {"some pod runs", "some pod is bound", "some pod is owned", "some object changes", "some object is made"}
    usual |= {"some replica stands by"}
    assert reached(cluster) == usual
    (leader,) = [name for name in cluster.elections if "scheduler" in name and cluster.processes[name].leading]
    later = settle(cluster, (StopProcess(leader),), quiet=30 * SECOND).cluster
    assert reached(later) >= {"some lock changes hands"}
    stale = run(cluster, (Submit(request=client.delete("pods", pod.metadata.name)),), steps=2).cluster
    assert reached(stale) >= {"some view is stale"}
    rolled = client.apply(cluster, with_image("web:2"))[0]
    assert reached(run(rolled, steps=150).cluster) >= {"some rollout is under way"}
    limit = {"hard": {"configmaps": "5"}}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": limit}
    assert reached(settle(client.apply(cluster, quota)[0]).cluster) >= {"some quota is used"}
    big = {"containers": [{"name": "x", "image": "x", "resources": {"requests": {"cpu": "99"}}}]}
    assert reached(_put(cluster, claim("data", "v")).after) >= {"some claim is bound"}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "big"}, "spec": big}
    assert reached(settle(client.apply(cluster, manifest)[0]).cluster) >= {"some node is full"}
    stateful = deepcopy(WEB) | {"kind": "StatefulSet", "metadata": {"name": "db"}}
    stateful["spec"]["serviceName"] = "db"
    assert reached(settle(client.apply(cluster, stateful)[0]).cluster) >= {"some pod has an ordinal"}
