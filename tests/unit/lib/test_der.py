"""DER, read and written; signatures of P-256."""

import pytest

from reconcile.lib import der, ecdsa
from reconcile.lib.errors import ReconcileError

# RFC 6979, A.2.5
KEY = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
SAMPLE = (
    0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
    0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
)


@pytest.mark.parametrize("length", [0, 1, 127, 128, 255, 256, 70_000])
def test_what_is_written_is_read(length):
    inner = der.written(der.OCTET_STRING, b"x" * length)
    (value,) = der.values(der.written(der.SEQUENCE, inner, der.integer(5)))
    assert (value.tag, [part.tag for part in value.parts()]) == (der.SEQUENCE, [der.OCTET_STRING, der.INTEGER])
    assert (value.parts()[0].content, value.parts()[0].whole) == (b"x" * length, inner)


@pytest.mark.parametrize(("number", "octets"), [(0, "020100"), (127, "02017f"), (128, "02020080"), (256, "02020100")])
def test_whole_numbers(number, octets):
    assert der.integer(number).hex() == octets


@pytest.mark.parametrize("text", ["2.5.4.3", "1.2.840.10045.4.3.2", "2.16.840.1.113730.4.1", "2.5.29.37.0"])
def test_identifiers(text):
    assert der.oid(der.identifier(text)[2:]) == text


@pytest.mark.parametrize(
    ("bits", "octets"), [((), "030100"), ((0,), "03020780"), ((0, 2), "030205a0"), ((8,), "0303070080")]
)
def test_named_bits(bits, octets):
    assert der.bits(*bits).hex() == octets


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x30", "it ends at octet 0, within a value"),
        (b"\x04\x05abc", "a value of 5 octets, of which 3 are there"),
        (b"\x30\x80\x00\x00", "a length without end"),
        (b"\x1f\x81\x00", "a tag above 30"),
    ],
)
def test_what_is_no_der_is_refused(data, why):
    with pytest.raises(ReconcileError, match=why):
        der.values(data)


def test_signatures_are_those_of_the_rfc_and_hold_for_one_message_alone():
    assert ecdsa.signed(KEY, b"sample") == SAMPLE
    point = ecdsa.public(KEY)
    assert ecdsa.verifies(point, b"sample", SAMPLE)
    assert not ecdsa.verifies(point, b"other", SAMPLE)
    assert not ecdsa.verifies(ecdsa.public(KEY + 1), b"sample", SAMPLE)
    assert not ecdsa.verifies(point, b"sample", (0, SAMPLE[1]))
