"""
Addresses: the families and the cluster IPs of a service.

Who holds which address stands in IPAddress objects, one for each: an address is taken if its object is there, and the
transaction that writes the service writes the object too. Where addresses come from stands in ServiceCIDR objects: each
that is ready and not being deleted gives its ranges. Which families there are says the server's configuration.

An address that nobody asked for comes from the upper part of a range first, so that the lower part stays free for
those who ask for a certain one (KEP-3070).

Source:   the API server's service REST storage and its ipallocator (KEP-1880).
Left out: where several ranges have room, upstream takes any; here the server's own come first, then by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final, TypeAlias

from reconcile.api import core_v1, meta_v1, networking_v1
from reconcile.api.scalars import Time
from reconcile.components.apiserver.memo import Same
from reconcile.components.apiserver.refusals import Cause, Refusal, wrong
from reconcile.components.apiserver.state import Ask, drawing
from reconcile.lib.dice import Dice
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.conditions import is_true
from reconcile.store import Compare, Delete, Put

Network: TypeAlias = IPv4Network | IPv6Network

ADDRESSES: Final = "ipaddresses.networking.k8s.io"
RANGES: Final = "servicecidrs.networking.k8s.io"
MANAGED_BY: Final = "ipallocator.k8s.io"
FAMILY_LABEL: Final = "ipaddress.kubernetes.io/ip-family"
_LABELS: Final = {
    family: Map({FAMILY_LABEL: family, "ipaddress.kubernetes.io/managed-by": MANAGED_BY}) for family in ("IPv4", "IPv6")
}
_OTHER: Final = {"IPv4": "IPv6", "IPv6": "IPv4"}
_BOTH: Final = 2
_DRAWS: Final = 32
_SHAPE: Final = (16, 256, 16)
_SEVERAL: Final = "must be 'RequireDualStack' or 'PreferDualStack' when multiple {} are specified"

Operations = tuple[Put | Delete, ...]
Compares = tuple[Compare, ...]


def with_addresses(
    ask: Ask, service: core_v1.Service, before: core_v1.ServiceSpec | None
) -> tuple[core_v1.ServiceSpec, Compares, Operations]:
    """Give a service's specification with its families and addresses, and what must be written beside it."""
    spec = _with_families(ask, service, before)
    held = _held(before)
    if spec.type == "ExternalName":
        spec = replace(spec, cluster_ip=None, cluster_ips=None, internal_traffic_policy=None)
    elif spec.cluster_ip != "None":
        spec = _with_each(ask, service, spec, held)
    now = _held(spec)
    new = [address for address in now if address not in held]
    compares = tuple([Compare(ADDRESSES, address, 0) for address in new])
    operations: Operations = tuple([Put(ADDRESSES, address, _object(ask, service, address)) for address in new])
    return spec, compares, operations + tuple([Delete(ADDRESSES, each) for each in held if each not in now])


def released(spec: core_v1.ServiceSpec | None) -> Operations:
    """Give what must be deleted with a service."""
    return tuple([Delete(ADDRESSES, address) for address in _held(spec)])


def _held(spec: core_v1.ServiceSpec | None) -> tuple[str, ...]:
    """Give the names of the addresses that a service holds."""
    if spec is None or not spec.cluster_ip or spec.cluster_ip == "None":
        return ()
    return tuple([str(ip_address(each)) for each in spec.cluster_ips or (spec.cluster_ip,)])


# Families -------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def configured(text: str) -> tuple[Network, ...]:
    """Give the ranges of a server's configuration, one of each family at most, the default first."""
    return tuple([ip_network(each) for each in text.split(",")])


@lru_cache(maxsize=16)
def _families_of(text: str) -> tuple[str, ...]:
    return tuple([_family(network) for network in configured(text)])


def _family(of: Network | IPv4Address | IPv6Address) -> str:
    return f"IPv{of.version}"


def _with_families(ask: Ask, service: core_v1.Service, before: core_v1.ServiceSpec | None) -> core_v1.ServiceSpec:
    spec = service.spec
    assert spec is not None, "defaults give every service a specification"
    if spec.type == "ExternalName" or _prefers_as_before(spec, before):
        return spec
    first = spec.cluster_ip or (spec.cluster_ips or ("",))[0] or None
    addresses = spec.cluster_ips or ((first,) if first else None)
    everywhere = first == "None" and not spec.selector  # whoever fills its endpoints may have addresses of both
    policy = spec.ip_family_policy or (before.ip_family_policy if before is not None else None)
    policy = policy or ("RequireDualStack" if everywhere else "SingleStack")
    families = spec.ip_families or ()
    if before is not None and policy == "SingleStack":
        # Who leaves all else as it was means to give the second one back.
        addresses = addresses[:1] if addresses and addresses == before.cluster_ips else addresses
        families = families[:1] if families == before.ip_families else families
    spec = replace(spec, cluster_ip=first, cluster_ips=addresses, ip_family_policy=policy)
    known = _families_of(ask.state.service_cidr)
    families = _inferred(service, spec, families, known)
    if not everywhere:
        _check_families(service, policy, families, known)
    families = families or known[:1]
    if policy != "SingleStack" and len(families) == 1 and (everywhere or len(known) == _BOTH):
        families = (*families, _OTHER[families[0]])
    return replace(spec, ip_families=families)


def _prefers_as_before(spec: core_v1.ServiceSpec, before: core_v1.ServiceSpec | None) -> bool:
    """Tell whether a service that prefers both families is as it was: it gains and loses none by itself."""
    return (
        before is not None
        and spec.type == before.type
        and spec.ip_family_policy == "PreferDualStack"
        and before.ip_family_policy in ("PreferDualStack", None)
        and (spec.cluster_ip, spec.cluster_ips) == (before.cluster_ip, before.cluster_ips)
        and spec.ip_families == before.ip_families
    )


def _inferred(
    service: core_v1.Service, spec: core_v1.ServiceSpec, families: tuple[str, ...], known: tuple[str, ...]
) -> tuple[str, ...]:
    """Give the families that were said, and those of addresses that were said without."""
    addresses, at = spec.cluster_ips or (), "spec.ipFamilyPolicy"
    causes: list[Cause] = []
    if spec.ip_family_policy == "SingleStack":
        if len(addresses) == _BOTH:
            causes.append(wrong(at, spec.ip_family_policy, _SEVERAL.format("cluster IPs")))
        if len(families) == _BOTH:
            causes.append(wrong(at, spec.ip_family_policy, _SEVERAL.format("IP families")))
    for place, address in enumerate(addresses):
        if address in ("None", "") or place < len(families):
            continue
        family = "IPv6" if ":" in address else "IPv4"
        if family in known:
            families = (*families, family)
        else:
            causes.append(wrong(f"spec.clusterIPs[{place}]", addresses, f"{family} is not configured on this cluster"))
    if causes:
        _refuse(service, *causes)
    return families


def _check_families(service: core_v1.Service, policy: str, families: tuple[str, ...], known: tuple[str, ...]) -> None:
    causes: list[Cause] = []
    if policy == "RequireDualStack" and len(known) < _BOTH:
        causes.append(wrong("spec.ipFamilyPolicy", policy, "this cluster is not configured for dual-stack services"))
    causes += [
        wrong(f"spec.ipFamilies[{place}]", family, "not configured on this cluster")
        for place, family in enumerate(families)
        if family not in known
    ]
    if causes:
        _refuse(service, *causes)


# Addresses ------------------------------------------------------------------------------------------------------------


def _with_each(
    ask: Ask, service: core_v1.Service, spec: core_v1.ServiceSpec, held: tuple[str, ...]
) -> core_v1.ServiceSpec:
    """Give every family its address."""
    given, families = spec.cluster_ips or (), spec.ip_families or ()
    wanted = [*given, *[""] * (len(families) - len(given))]
    found = []
    for family, asked in zip(families, wanted, strict=True):
        address = asked
        if not address:
            address = _drawn(ask, service, family)
        elif str(ip_address(address)) not in held:
            _check(ask, service, address, wanted)
        found.append(address)
    return replace(spec, cluster_ip=found[0], cluster_ips=tuple(found))


def _check(ask: Ask, service: core_v1.Service, text: str, shown: list[str]) -> None:
    """Refuse an address that was asked for, if it is of no range or another service's; *shown* are all of them."""
    at, fault = ip_address(text), ""
    within = next((network for network in _ranges(ask, _family(at)) if at in network), None)
    if within is None:
        fault = "the provided network does not match the current range"
    elif not _first(within) <= int(at) <= _last(within):
        fault = f"the provided IP ({at}) is not in the valid range. The range of valid IPs is {within}"
    elif str(at) in ask.store.table(ADDRESSES):
        fault = "provided IP is already allocated"
    if fault:
        _refuse(service, wrong("spec.clusterIPs", shown, f"failed to allocate IP {text}: {fault}"))


def _drawn(ask: Ask, service: core_v1.Service, family: str) -> str:
    taken = ask.store.table(ADDRESSES)
    kind = IPv4Address if family == "IPv4" else IPv6Address
    stream = "cluster-ip" if family == _families_of(ask.state.service_cidr)[0] else f"cluster-ip/{family}"
    for network in _ranges(ask, family):
        dice = drawing(ask, stream)
        found = free(dice, _first(network), _last(network), _SHAPE, lambda at: str(kind(at)) in taken)
        if found is not None:
            address = str(kind(found))
            break
    else:
        name = service.metadata.name if service.metadata is not None else ""
        raise Refusal(statuses.internal(f'failed to allocate a serviceIP for Service "{name or ""}": range is full'))
    if not ask.request.dry_run and (service.metadata is None or not service.metadata.name):
        # What is allocated says for whom, and a service without a name is nobody.
        whose = f'IPAddress.networking.k8s.io "{address}" is invalid: spec.parentRef.name: Required value'
        _refuse(service, wrong("spec.clusterIPs", ("",), f"failed to allocate IP: {whose}"))
    return address


def _ranges(ask: Ask, family: str) -> Iterable[Network]:
    """Give the ranges of a family from which addresses may be had."""
    found = _ready(Same(ask.store.table(RANGES)), ask.state.service_cidr)
    return [network for network in found if _family(network) == family]


@lru_cache(maxsize=64)
def _ready(same: Same, text: str) -> tuple[Network, ...]:
    own, table = configured(text), same.value
    if not table:
        return own  # a server that starts writes its own
    found: dict[Network, None] = {}
    for cidr in table.values():
        ready = cidr.status is not None and is_true(cidr.status.conditions, "Ready")
        if ready and cidr.metadata.deletion_timestamp is None:
            found |= dict.fromkeys([ip_network(each) for each in cidr.spec.cidrs or ()])
    return (*[each for each in own if each in found], *[each for each in found if each not in own])


def _first(network: Network) -> int:
    return int(network.network_address) + 1


def _last(network: Network) -> int:
    """Give the last address of a range; the highest of IPv4 is for broadcasts."""
    return int(network.broadcast_address) - (network.version == 4)  # noqa: PLR2004 -- as it is called


def bands(first: int, last: int, lowest: int, largest: int, step: int) -> tuple[int, int]:
    """
    Give the first number of the upper band of *first* to *last*, and the last number.

    The lower band has one number in *step*, at least *lowest* and at most *largest* of them; all of the range is the
    upper band if it is no larger than *lowest*.
    """
    size = last - first + 1
    lower = min(max(lowest, size // step), largest)
    return (first if lower >= size else first + lower), last


def free(dice: Dice, first: int, last: int, shape: tuple[int, int, int], is_taken: Callable[[int], bool]) -> int | None:
    """Draw a free number, of the upper band while there is one; after some draws in vain look through them all."""
    upper, end = bands(first, last, *shape)
    for low, high in ((upper, end), (first, upper - 1)):
        if high < low:
            continue
        for _ in range(_DRAWS):
            drawn, dice = dice.below(high - low + 1)
            if not is_taken(low + drawn):
                return low + drawn
        for at in range(low, high + 1):
            if not is_taken(at):
                return at
    return None


def _object(ask: Ask, service: core_v1.Service, address: str) -> networking_v1.IPAddress:
    metadata = service.metadata
    assert metadata is not None, "a service that is written has metadata"
    name = "address" if ":" not in address else "address/IPv6"
    uid, _ = drawing(ask, name).uuid()
    return networking_v1.IPAddress(
        metadata=meta_v1.ObjectMeta(
            name=address,
            uid=uid,
            creation_timestamp=Time.at(ask.now),
            labels=_LABELS[_family(ip_address(address))],
            resource_version="0",
        ),
        spec=networking_v1.IPAddressSpec(
            parent_ref=networking_v1.ParentReference(
                group="", resource="services", namespace=metadata.namespace, name=metadata.name or ""
            )
        ),
    )


def _refuse(service: Any, *causes: Cause) -> None:
    raise Refusal(statuses.invalid("", "Service", service.metadata.name or "", causes))
