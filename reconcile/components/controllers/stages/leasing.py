"""
Leases: the nodes that stages play are kept alive by one for each, as a kubelet's would be.

Takes:    changes of nodes and of Leases.
Gives:    create and update of Leases.
Source:   https://kwok.sigs.k8s.io/docs/user/kwok-manage-nodes-and-pods/; the node lease controller of KWOK.
Left out: a Lease that another holds until it runs out: there is one KWOK in a cluster.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from reconcile.api import coordination_v1, meta_v1
from reconcile.api.rbac_v1 import PolicyRule
from reconcile.api.scalars import MicroTime
from reconcile.components.controllers.answers import is_done, text_of
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views, keys_of_itself
from reconcile.components.controllers.stages.playing import is_played
from reconcile.lib.dice import Dice
from reconcile.lib.instant import SECOND
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request, User
from reconcile.model.stages import Settings
from reconcile.store import Change

NAME: Final = "kwok-leases"
HOLDER: Final = "kwok-controller"
LEASES: Final = "leases.coordination.k8s.io"
NAMESPACE: Final = "kube-node-lease"

_PARTS: Final = 4  # of a Lease's duration: it is renewed after one of them
_JITTER: Final = 25  # of that part one in so many more, drawn
_RULES: Final = (
    PolicyRule(
        verbs=("get", "list", "watch", "create", "update", "patch", "delete"),
        api_groups=("coordination.k8s.io",),
        resources=("leases",),
    ),
)


def controller_of(settings: Settings, seed: int, *, heartbeats: bool, user: User) -> Controller:
    """Give the controller that keeps the Leases."""
    return Controller(
        name=NAME,
        sources=(Source("nodes", keys_of_itself), Source(LEASES, keys_of_lease)),
        reconcile=partial(reconcile, settings, seed, heartbeats),
        user=user,
        rules=_RULES,
    )


def keys_of_lease(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the node whose Lease was deleted."""
    namespace, _slash, name = change.key.partition("/")
    return (name,) if namespace == NAMESPACE and change.new is None else ()


def reconcile(settings: Settings, seed: int, heartbeats: bool, ask: Ask) -> Outcome:  # noqa: FBT001 -- given by partial
    """Let one node have a Lease, and renew it."""
    after = _after(settings, seed, ask)
    if ask.answers:
        response = ask.answers[0][1]
        if not response.ok and not is_done(response):
            return Outcome(error=text_of(response))
        return Outcome(after=after, after_is_periodic=True) if heartbeats else Outcome()
    node = ask.views.get("nodes", ask.key)
    if node is None or not is_played(settings, node):
        return Outcome()
    lease = ask.views.get(LEASES, f"{NAMESPACE}/{ask.key}")
    now = MicroTime.at(ask.now)
    if lease is None:
        owner = meta_v1.OwnerReference(api_version="v1", kind="Node", name=ask.key, uid=node.metadata.uid or "")
        metadata = meta_v1.ObjectMeta(name=ask.key, namespace=NAMESPACE, owner_references=(owner,))
        spec = coordination_v1.LeaseSpec(
            holder_identity=HOLDER, lease_duration_seconds=settings.lease_seconds, renew_time=now
        )
        body = coordination_v1.Lease(metadata=metadata, spec=spec)
        return _asked(Request(verb="create", resource=LEASES, namespace=NAMESPACE, body=body))
    if not heartbeats:
        return Outcome()
    spec = lease.spec or coordination_v1.LeaseSpec()
    renewed = spec.renew_time.instant if spec.renew_time is not None else 0
    early = renewed + settings.lease_seconds * SECOND // _PARTS - ask.now
    if spec.holder_identity == HOLDER and early > 0:  # a change of its node is none of its own
        return Outcome(after=early, after_is_periodic=True)
    spec = replace(spec, holder_identity=HOLDER, renew_time=now)
    body = replace(lease, spec=spec)
    return _asked(Request(verb="update", resource=LEASES, namespace=NAMESPACE, name=ask.key, body=body))


def _asked(request: Request) -> Outcome:
    return Outcome(calls=(request,), again=True)


def _after(settings: Settings, seed: int, ask: Ask) -> int:
    part = settings.lease_seconds * SECOND // _PARTS
    more, _ = Dice(seed, f"kwok/{NAME}/{ask.key}/{ask.now}").below(part // _JITTER + 1)
    return part + more
