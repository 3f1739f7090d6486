"""Addresses and blocks of addresses: what keeps a text from being one."""

import pytest

from reconcile.components.apiserver.registry.validation import values

ADDRESSES = [
    ("10.9.8.7", None),
    ("2001:db8::1", None),
    ("x", values.ADDRESS),
    ("fe80::1%eth0", values.ADDRESS),
    ("10.9.8.07", "must not have leading 0s"),
    ("::ffff:1.2.3.4", "must not be an IPv4-mapped IPv6 address"),
]


@pytest.mark.parametrize(("text", "fault"), ADDRESSES)
def test_addresses(text, fault):
    found = [cause.message for cause in values.address_causes("f", text)]
    assert found == ([] if fault is None else [f'Invalid value: "{text}": {fault}'])
    assert values.address_causes("f", text, (text,)) == []


BLOCKS = [
    ("10.9.8.0/24", None),
    ("2001:db8::/64", None),
    ("10.9.8.0", values.CIDR),
    ("10.9.8.0/33", values.CIDR),
    ("10.9.8.0/024", "must not have leading 0s in IP or prefix length"),
    ("10.9.8.7/24", "must not have bits set beyond the prefix length"),
]


@pytest.mark.parametrize(("text", "fault"), BLOCKS)
def test_blocks(text, fault):
    found = [cause.message for cause in values.cidr_causes("f", text)]
    assert found == ([] if fault is None else [f'Invalid value: "{text}": {fault}'])


def test_an_address_that_packets_cannot_be_sent_on_to():
    assert values.backend_faults("0.0.0.0") == ("may not be unspecified (0.0.0.0)",)
    assert values.backend_faults("ff02::1") == (
        "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
    )
