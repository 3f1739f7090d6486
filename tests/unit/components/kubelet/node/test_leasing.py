"""A lease that holds by rule counts as renewed every ten seconds."""

import pytest

from reconcile.api import coordination_v1, meta_v1
from reconcile.api.scalars import MicroTime
from reconcile.components.kubelet import LEASE_NAMESPACE, LEASES, held, lapsed
from reconcile.lib.instant import SECOND

START = 1_767_225_600 * SECOND


def lease(renewed):
    spec = coordination_v1.LeaseSpec(holder_identity="n1", lease_duration_seconds=40, renew_time=MicroTime.at(renewed))
    return coordination_v1.Lease(metadata=meta_v1.ObjectMeta(name="n1", namespace=LEASE_NAMESPACE), spec=spec)


@pytest.mark.parametrize(
    ("passed", "renewed"), [(0, 0), (9 * SECOND, 0), (10 * SECOND, 10), (10 * SECOND - 1, 0), (3601 * SECOND, 3600)]
)
def test_a_lease_that_lapses_names_its_last_renewal(passed, renewed):
    request = lapsed("n1", lease(START), START + passed)
    assert (request.verb, request.resource, request.namespace, request.name) == ("patch", LEASES, LEASE_NAMESPACE, "n1")
    spec = request.body["spec"]
    assert (spec["holderIdentity"], spec["renewTime"]) == (None, str(MicroTime.at(START + renewed * SECOND)))


def test_a_lease_that_holds_again_keeps_its_pace():
    spec = held("n1", lease(START), START + 25 * SECOND).body["spec"]
    assert (spec["holderIdentity"], spec["renewTime"]) == ("n1", str(MicroTime.at(START + 20 * SECOND)))


@pytest.mark.parametrize("found", [None, lease(START + SECOND)])
def test_without_an_earlier_renewal_it_is_now(found):
    assert lapsed("n1", found, START).body["spec"]["renewTime"] == str(MicroTime.at(START))
