"""Short ways to write the objects that the tests of controllers need."""

from __future__ import annotations

from reconcile.api import apps_v1, coordination_v1, core_v1, meta_v1
from reconcile.api.scalars import MicroTime, Time
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.requests import Response


def pod(
    name,
    *,
    ip=None,
    ready=True,
    node="node-1",
    labels=None,
    deleted=None,
    phase="Running",
    ports=(),
    tolerations=None,
    owners=None,
    uid=None,
    since=0,
    hostname=None,
    subdomain=None,
):
    condition = core_v1.PodCondition(
        type="Ready", status="True" if ready else "False", last_transition_time=Time.at(since)
    )
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(
            name=name,
            namespace="default",
            uid=uid,
            labels=Map(labels if labels is not None else {"app": "web"}),
            deletion_timestamp=deleted,
            owner_references=owners,
        ),
        spec=core_v1.PodSpec(
            node_name=node,
            tolerations=tolerations,
            hostname=hostname,
            subdomain=subdomain,
            termination_grace_period_seconds=30,
            containers=(core_v1.Container(name="main", image="web", ports=ports or None),),
        ),
        status=core_v1.PodStatus(
            phase=phase,
            pod_ip=ip,
            pod_ips=(core_v1.PodIP(ip=ip),) if ip else None,
            conditions=(condition,),
        ),
    )


def service(name="web", *, selector=None, ports=((80, None),), cluster_ip="10.96.0.1", labels=None, **more):
    return core_v1.Service(
        metadata=meta_v1.ObjectMeta(name=name, namespace="default", labels=Map(labels) if labels else None),
        spec=core_v1.ServiceSpec(
            selector=Map({"app": "web"} if selector is None else selector) or None,
            ports=tuple(
                [
                    core_v1.ServicePort(
                        port=port, target_port=target, protocol="TCP", name=f"p{port}" if len(ports) > 1 else None
                    )
                    for port, target in ports
                ]
            )
            or None,
            cluster_ip=cluster_ip,
            **more,
        ),
    )


def node(name, *, ready="True", taints=None, labels=None, heartbeat=0, unschedulable=None, also=()):
    conditions = [
        core_v1.NodeCondition(type=kind, status=status, last_heartbeat_time=Time.at(heartbeat))
        for kind, status in (("MemoryPressure", "False"), ("DiskPressure", "False"), ("PIDPressure", "False"), *also)
    ]
    if ready is not None:
        conditions.append(core_v1.NodeCondition(type="Ready", status=ready, last_heartbeat_time=Time.at(heartbeat)))
    return core_v1.Node(
        metadata=meta_v1.ObjectMeta(name=name, labels=Map(labels) if labels else None),
        spec=core_v1.NodeSpec(taints=taints, unschedulable=unschedulable),
        status=core_v1.NodeStatus(conditions=tuple(conditions)),
    )


def lease(name, renewed):
    return coordination_v1.Lease(
        metadata=meta_v1.ObjectMeta(name=name, namespace="kube-node-lease"),
        spec=coordination_v1.LeaseSpec(holder_identity=name, renew_time=MicroTime.at(renewed)),
    )


def replica_set(name, *, owners=None, finalizers=None, deleted=None, namespace="default", uid=None):
    return apps_v1.ReplicaSet(
        metadata=meta_v1.ObjectMeta(
            name=name,
            namespace=namespace,
            uid=uid,
            owner_references=owners,
            finalizers=finalizers,
            deletion_timestamp=deleted,
        ),
        spec=apps_v1.ReplicaSetSpec(selector=meta_v1.LabelSelector()),
    )


def owned_by(owner, *, block=True):
    return meta_v1.OwnerReference(
        api_version=owner.api_version,
        kind=owner.kind,
        name=owner.metadata.name,
        uid=owner.metadata.uid,
        controller=True,
        block_owner_deletion=block,
    )


def refused(resource, name, why, *, ending=False):
    """Give the answer 403; of a namespace that is being deleted if *ending*."""
    status = statuses.forbidden(resource, name, why)
    if ending:
        cause = meta_v1.StatusCause(reason="NamespaceTerminating", message=why)
        status = replace(status, details=replace(status.details, causes=(cause,)))
    return Response(403, status)
