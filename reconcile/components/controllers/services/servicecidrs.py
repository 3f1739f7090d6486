"""
Service CIDRs: a range of cluster IPs is told to be ready, and is not deleted while services have addresses of it.

A ServiceCIDR that is being deleted goes when every address that services have of it is in another one's range as well;
until then its condition Ready says why not. It goes no sooner than ten seconds after that was asked for, so that every
API server knows by then that it gives no more.

Takes:    changes of ServiceCIDRs and of IPAddresses.
Gives:    patches of ServiceCIDRs: the finalizer, the condition Ready.
Source:   pkg/controller/servicecidrs (KEP-1880).
Left out: nothing known.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final, TypeAlias

from reconcile.components.controllers.answers import NOT_FOUND, text_of
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views, service_account
from reconcile.lib.instant import SECOND, rfc3339
from reconcile.model.requests import Request
from reconcile.store import Change

Network: TypeAlias = IPv4Network | IPv6Network

NAME: Final = "service-cidr-controller"
FINALIZER: Final = "networking.k8s.io/service-cidr-finalizer"
RANGES: Final = "servicecidrs.networking.k8s.io"
ADDRESSES: Final = "ipaddresses.networking.k8s.io"
_OURS: Final = ("ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io")
_GRACE: Final = 10 * SECOND
_READY: Final = ("True", "", "Kubernetes Service CIDR is ready")
_STAYS: Final = (
    "False",
    "Terminating",
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",
)


def keys_of_range(change: Change, views: Views) -> tuple[Key, ...]:
    """Give a range, and when it is new those that it overlaps with: it may take their addresses over."""
    if change.old is not None or change.new is None:
        return (change.key,)
    mine = _networks(change.new)
    others = views.table(RANGES).items()
    return (change.key, *[key for key, each in others if key != change.key and _overlap(mine, _networks(each))])


def keys_of_address(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the ranges that an address is in that came or went."""
    if change.old is not None and change.new is not None:
        return ()
    labels = (change.new or change.old).metadata.labels or {}
    if labels.get(_OURS[0]) != _OURS[1]:
        return ()
    return _holders(change.key, views)


def reconcile(ask: Ask) -> Outcome:
    """Let a range have its finalizer and its condition, or go if nothing needs it."""
    if ask.answers:
        failed = [response for _, response in ask.answers if not response.ok and response.code != NOT_FOUND]
        return Outcome(error=text_of(failed[0])) if failed else Outcome()
    cidr = ask.views.get(RANGES, ask.key)
    if cidr is None:
        return Outcome()
    finalizers = cidr.metadata.finalizers or ()
    deleted = cidr.metadata.deletion_timestamp
    if deleted is None:
        calls = [] if FINALIZER in finalizers else [_finalizers(ask.key, (*finalizers, FINALIZER))]
        return _called([*calls, *_told(ask, cidr, _READY)])
    if not _is_free(ask, cidr):
        return _called(_told(ask, cidr, _STAYS))
    left = _GRACE - (ask.now - deleted.instant)
    if left > 0:
        return Outcome(after=left)
    if FINALIZER not in finalizers:
        return Outcome()
    return _called([_finalizers(ask.key, tuple([each for each in finalizers if each != FINALIZER]))])


def _is_free(ask: Ask, cidr: Any) -> bool:
    """Tell whether every address that services have of a range is in another one's as well."""
    table = ask.views.table(RANGES)
    others = [each for key, each in table.items() if key != ask.key]
    mine = _networks(cidr)
    if all(any(_contains(other, network) for each in others for other in _networks(each)) for network in mine):
        return True
    # It happens once in a range's life, so all addresses are looked at.
    return all(
        _holders(name, ask.views) != (ask.key,)
        for name, address in ask.views.table(ADDRESSES).items()
        if (address.metadata.labels or {}).get(_OURS[0]) == _OURS[1]
    )


def _holders(address: str, views: Views) -> tuple[Key, ...]:
    at = ip_address(address)
    return tuple(
        [key for key, each in views.table(RANGES).items() if any(at in network for network in _networks(each))]
    )


def _networks(cidr: Any) -> tuple[Network, ...]:
    return _read((cidr.spec.cidrs if cidr.spec is not None else None) or ())


@lru_cache(maxsize=256)
def _read(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple([ip_network(each) for each in texts])


def _overlap(some: tuple[Network, ...], others: tuple[Network, ...]) -> bool:
    return any(one.version == other.version and one.overlaps(other) for one in some for other in others)


def _contains(large: Network, small: Network) -> bool:
    return large.version == small.version and large.overlaps(small) and large.prefixlen <= small.prefixlen


def _told(ask: Ask, cidr: Any, wanted: tuple[str, str, str]) -> list[Request]:
    """Give what says how a range is, if it is not said yet."""
    conditions = (cidr.status.conditions if cidr.status is not None else None) or ()
    for each in conditions:
        if each.type == "Ready" and (each.status, each.reason or "", each.message) == wanted:
            return []
    status, reason, message = wanted
    condition = {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": rfc3339(ask.now),
    }
    body = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": ask.key},
        "status": {"conditions": [condition]},
    }
    return [
        Request(
            verb="patch",
            resource=RANGES,
            name=ask.key,
            subresource="status",
            body=body,
            patch_type="apply",
            field_manager=NAME,
            force=True,
        )
    ]


def _finalizers(name: str, wanted: tuple[str, ...]) -> Request:
    body = {"metadata": {"finalizers": list(wanted) or None}}
    return Request(verb="patch", resource=RANGES, name=name, body=body)


def _called(calls: list[Request]) -> Outcome:
    return Outcome(calls=tuple(calls), again=True) if calls else Outcome()


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(Source(RANGES, keys_of_range), Source(ADDRESSES, keys_of_address)),
    reconcile=reconcile,
    user=service_account("service-cidrs-controller"),
)
