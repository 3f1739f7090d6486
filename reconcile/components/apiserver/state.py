"""
State of one API server replica, and what a starting one asks of itself.

A replica keeps nothing between two requests: what it knows is its configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any, Final

import attrs

from reconcile.api import core_v1, kinds, meta_v1, networking_v1, scheduling_v1
from reconcile.components.apiserver.fairness.suggested import suggested
from reconcile.effects import CallWebhook
from reconcile.lib.dice import Dice
from reconcile.lib.instant import HOUR, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.model import gates, webtokens
from reconcile.model.programs import NONE, TRUE, Options, ports_of
from reconcile.model.requests import Request, Response, User
from reconcile.store import Reads, Txn

EVENT_TTL: Final = HOUR
"""How long an Event is kept: what the etcd lease of its Put is granted for."""

ITSELF: Final = User(name="system:apiserver", groups=("system:masters", "system:authenticated"))
"""Who a starting API server asks as."""

_NOBODY: Final[Map[str]] = Map()
_NO_GATES: Final[Map[bool]] = Map()
# Gates without which there is nothing to serve, whatever is asked for.
_NEEDED: Final = (gates.GENERIC_WORKLOAD,)
SERVICE_CIDR: Final = "10.96.0.0/12"

SYSTEM_NAMESPACES: Final = ("default", "kube-system", "kube-public", "kube-node-lease")


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class State:
    """
    The configuration of one replica.

    Args:
        name: the process's.
        service_cidr: where cluster IPs come from: a range of one family, or one of each, comma-separated.
        node_ports: first and last port of services of type NodePort.
        anonymous: whether a request without credentials is system:anonymous; else it is refused with 401.
        not_ready_seconds: how long a pod that says nothing else stays on a node that is not ready.
        unreachable_seconds: the same for a node that is unreachable.
        disabled: admission plugins that are switched off, by Kubernetes' names.
        tokens: bearer token -> who it is, as `--token-auth-file` says.
        managed_fields: whether metadata.managedFields are kept up; nothing within the cluster needs them, and they
            cost every write.
        accounts: whether a pod's ServiceAccount must be there, and brings it its token's volume and what else it says;
            nothing within the cluster needs the volumes, and they make each pod's specification another.
        webhooks: whether webhooks are called; else nobody reaches them.
        version: its own, if it is another than Kubernetes' here: `v1.35.4`.
        host: where it runs.
        peers: the addresses of the hosts that API servers run on, by name; empty where nobody is told who is there.
        signing_key: what the key that ServiceAccounts' tokens are signed with is drawn from; empty for no such tokens.
        feature_gates: those that are not as they are by default.
        beyond: the group versions, such as `coordination.k8s.io/v1beta1`, that are served beyond those of the default.
    """

    name: str
    service_cidr: str = SERVICE_CIDR
    node_ports: tuple[int, int] = (30000, 32767)
    anonymous: bool = True
    not_ready_seconds: int = 300
    unreachable_seconds: int = 300
    disabled: tuple[str, ...] = ()
    tokens: Map[User] = attrs.field(factory=Map)
    managed_fields: bool = False
    accounts: bool = False
    signing_key: str = ""
    feature_gates: Map[bool] = attrs.field(factory=Map)
    version: str = ""
    host: str = ""
    peers: Map[str] = attrs.field(factory=Map)
    webhooks: bool = False
    beyond: tuple[str, ...] = ()


class Notes:
    """
    What is noted while one request is planned; it belongs to that call alone.

    Args:
        answers: what webhooks have answered to it so far, by the key of what was asked.
    """

    __slots__ = ("annotations", "answers", "warnings")

    def __init__(self, answers: Map[Any] | None = None) -> None:
        self.answers: Map[Any] = Map() if answers is None else answers
        self.warnings: list[str] = []
        self.annotations: dict[str, str] = {}


@quick
@attrs.frozen(weakref_slot=False)
class Ask:
    """One request on its way through the verbs; *notes* are there where rules are stored, or somebody audits."""

    state: State
    request: Request
    user: User
    store: Reads
    now: Instant
    dice: Dice
    resource: kinds.Resource
    key: str
    notes: Notes | None = None


def drawing(ask: Ask, stream: str) -> Dice:
    """Give the dice of one use within one request: none of another request's draws are among them."""
    dice = ask.dice
    return Dice(dice.seed, f"{dice.stream}/{dice.count}/{stream}")


CONVERTED: Final = "*"
"""In place of the version to answer in: the answer is *body* as it is, with the version of the store's it gets."""


@quick
@attrs.frozen(weakref_slot=False)
class Planned:
    """
    A request that writes: what to commit, and how to answer then.

    Args:
        txn: what to commit.
        code: the HTTP status code.
        resource: of the object to answer with.
        key: of the object to answer with, as it is after the commit; empty to answer with *body*.
        body: what to answer with if there is no key.
        scale: answer with the object's Scale.
        version: of a custom resource, in which to answer; empty for the one that objects are stored in.
        follows: what the server asks of itself once this is committed.
        warnings: texts of Warning headers.
        then: what to commit after that, each at a revision of its own.
        gone: the body is an object that is deleted then: it is answered with the revision that took it away.
    """

    txn: Txn
    code: int
    resource: str = ""
    key: str = ""
    body: Any = None
    scale: bool = False
    warnings: tuple[str, ...] = ()
    then: tuple[Txn, ...] = ()
    gone: bool = False
    version: str = ""
    follows: tuple[Request, ...] = ()


@quick
@attrs.frozen(weakref_slot=False)
class Asking:
    """
    A request that cannot go on before webhooks have answered.

    Args:
        calls: what is to be asked, each under the key by which its answer is found.
        seconds: how long the request may take in all.
    """

    calls: tuple[tuple[str, CallWebhook], ...]
    seconds: int


Plan = Response | Planned


def begin(
    name: str,
    dice: Dice,
    *,
    managed_fields: bool = False,
    service_cidr: str = SERVICE_CIDR,
    feature_gates: Map[bool] | None = None,
    peers: Mapping[str, str] = _NOBODY,
    webhooks: bool = False,
    options: Options = NONE,
) -> State:
    """
    Give the state of a replica that starts, with Kubernetes' default configuration but for what is given.

    What its flags say, *options*, counts more than the rest. A gate that is on in the cluster has its APIs served, as
    if `--runtime-config` said so; one that only the replica's own flags switch on needs that as well, as in reality.
    """
    switched = feature_gates
    if options.gates:
        feature_gates = (feature_gates or Map()).merge(options.gates)
    state = _begun(
        name, dice, managed_fields=managed_fields, service_cidr=service_cidr, feature_gates=feature_gates, peers=peers,
        webhooks=webhooks,
    )  # fmt: skip
    if options.version and options.version != f"v{kinds.KUBERNETES_VERSION}":
        state = replace(state, version=options.version)
    words = options.words("runtime-config")
    beyond = _beyond(switched or _NO_GATES, feature_gates or _NO_GATES, words) if switched or words else ()
    if beyond:
        state = replace(state, beyond=beyond)
    return flagged(state, options) if options.given else state


def elects(state: State) -> bool:
    """Tell whether a replica elects leaders among those who publish that they are candidates."""
    return bool(state.feature_gates) and gates.is_on(state.feature_gates, gates.COORDINATED_LEADER_ELECTION)


def _beyond(switched: Mapping[str, bool], own: Mapping[str, bool], words: tuple[str, ...]) -> tuple[str, ...]:
    """
    Name the group versions that are served beyond the default.

    Args:
        switched: the cluster's gates.
        own: the replica's: those, and what its own flags say.
        words: what its `--runtime-config` says.
    """
    said = {name: not text or text in TRUE for name, _, text in (word.partition("=") for word in words)}
    found = []
    for each in kinds.gated_resources():
        stage = "api/alpha" if "alpha" in each.version else "api/beta"
        names = ("api/all", stage, each.api_version, f"{each.api_version}/{each.plural}")
        asked = [said[name] for name in names if name in said]
        if each.gate in _NEEDED and not own.get(each.gate, False):
            continue
        if asked[-1] if asked else switched.get(each.gate, False):
            found.append(each.api_version)
    return tuple(dict.fromkeys(found))


def flagged(state: State, options: Options) -> State:
    """Give the configuration of a replica with what its flags say."""
    ports = options.text("service-node-port-range", "")
    return replace(
        state,
        service_cidr=options.text("service-cluster-ip-range", state.service_cidr),
        node_ports=ports_of(ports) if ports else state.node_ports,
        anonymous=options.truth("anonymous-auth", default=state.anonymous),
        not_ready_seconds=options.number("default-not-ready-toleration-seconds", state.not_ready_seconds),
        unreachable_seconds=options.number("default-unreachable-toleration-seconds", state.unreachable_seconds),
        disabled=tuple(dict.fromkeys((*state.disabled, *options.words("disable-admission-plugins")))),
    )


def _begun(
    name: str,
    dice: Dice,
    *,
    managed_fields: bool,
    service_cidr: str,
    feature_gates: Map[bool] | None,
    peers: Mapping[str, str],
    webhooks: bool,
) -> State:
    gates: Map[bool] = Map() if feature_gates is None else feature_gates
    if not managed_fields:
        return State(name=name, service_cidr=service_cidr, feature_gates=gates, webhooks=webhooks)
    return State(
        name=name,
        service_cidr=service_cidr,
        managed_fields=True,
        accounts=True,
        signing_key=webtokens.key_of(dice.seed),
        host=name,
        peers=Map(peers),
        feature_gates=gates,
        webhooks=webhooks,
    )


def bootstrap(state: State, now: Instant) -> tuple[Request, ...]:  # noqa: ARG001 -- as begin
    """Give what a starting API server asks of itself, as ITSELF; AlreadyExists is a good answer."""
    asked = [_create("namespaces", core_v1.Namespace(metadata=_named(name))) for name in SYSTEM_NAMESPACES]
    asked += [
        _create(
            "priorityclasses.scheduling.k8s.io",
            scheduling_v1.PriorityClass(metadata=_named(name), value=value, description=said),
        )
        for name, value, said in _PRIORITY_CLASSES
    ]
    cidr = networking_v1.ServiceCIDR(
        metadata=_named("kubernetes"), spec=networking_v1.ServiceCIDRSpec(cidrs=tuple(state.service_cidr.split(",")))
    )
    asked.append(_create("servicecidrs.networking.k8s.io", cidr))
    asked.append(_create("services", _kubernetes(state), namespace="default"))
    if state.managed_fields:
        # Nothing within a cluster needs them.
        asked += suggested()
    return tuple(asked)


_PRIORITY_CLASSES: Final = (
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
)


def _named(name: str) -> meta_v1.ObjectMeta:
    return meta_v1.ObjectMeta(name=name)


def _create(resource: str, body: Any, namespace: str = "") -> Request:
    return Request(verb="create", resource=resource, namespace=namespace, body=body)


def _kubernetes(state: State) -> core_v1.Service:
    labels = Map({"component": "apiserver", "provider": "kubernetes"})
    network = ip_network(state.service_cidr.partition(",")[0])
    address = str(network[1])
    return core_v1.Service(
        metadata=meta_v1.ObjectMeta(name="kubernetes", namespace="default", labels=labels),
        spec=core_v1.ServiceSpec(
            type="ClusterIP",
            cluster_ip=address,
            cluster_ips=(address,),
            ip_families=(f"IPv{network.version}",),
            ip_family_policy="SingleStack",
            session_affinity="None",
            ports=(core_v1.ServicePort(name="https", port=443, protocol="TCP", target_port=6443),),
        ),
    )
