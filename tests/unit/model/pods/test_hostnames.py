"""What pods are called within themselves."""

import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.model.pods.hostnames import hostname_fault, hostname_of


def pod(name="web", **spec):
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(name=name, namespace="shop"), spec=core_v1.PodSpec(containers=(), **spec)
    )


@pytest.mark.parametrize(
    ("made", "hostname"),
    [
        (pod(), "web"),
        (pod(hostname="db"), "db"),
        (pod(hostname="db", subdomain="store"), "db"),
        (pod(hostname="db", subdomain="store", set_hostname_as_fqdn=True), "db.store.shop.svc.cluster.local"),
        (pod(set_hostname_as_fqdn=True), "web"),
        (pod(hostname_override="a.example"), "a.example"),
        (pod(name=f"{'a' * 62}-b"), "a" * 62),
    ],
)
def test_a_hostname(made, hostname):
    assert hostname_of(made) == hostname
    assert hostname_fault(made) == ""


def test_a_fqdn_that_is_too_long():
    name = f"{'a' * 40}.store.shop.svc.cluster.local"
    assert hostname_fault(pod(name="a" * 40, subdomain="store", set_hostname_as_fqdn=True)) == (
        f"failed to construct FQDN from Pod hostname and cluster domain, FQDN {name} is too long (64 characters is the "
        "max, 69 characters requested)"
    )
