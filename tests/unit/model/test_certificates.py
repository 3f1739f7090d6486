"""Certificates that others take for good: what is read of a request, and what is signed for it."""

from __future__ import annotations

import datetime as dt

import pytest

from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import HOUR, MINUTE, SECOND
from reconcile.model import certificates

x509 = pytest.importorskip("cryptography.x509")

from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402 -- after what it belongs to
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402

NOW = 1_767_225_600 * SECOND  # 2026-01-01
KEY = ec.derive_private_key(1234, ec.SECP256R1())


def asked_for(common_name="system:node:n1", organizations=("system:nodes",), names=()):
    """Give a request in PEM."""
    pairs = [x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, each) for each in organizations]
    pairs += [x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(pairs))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def read(pem):
    return x509.load_pem_x509_certificate(pem.encode())


def test_the_authoritys_certificate_is_what_its_key_makes():
    assert certificates.authority() == certificates.AUTHORITY
    authority = read(certificates.AUTHORITY)
    authority.verify_directly_issued_by(authority)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_what_a_request_asks_for():
    names = [x509.DNSName("n1"), x509.DNSName("n1.local"), x509.RFC822Name("a@b.c")]
    asked = certificates.parse(asked_for(organizations=("a", "b"), names=names))
    assert (asked.common_name, asked.organizations) == ("system:node:n1", ("a", "b"))
    assert (asked.dns, asked.emails, asked.ips, asked.uris) == (2, 1, 0, 0)
    assert certificates.parse(asked_for(common_name="", organizations=())).common_name == ""


@pytest.mark.parametrize("pem", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_request_is_refused(pem):
    with pytest.raises(ReconcileError, match="PEM block type must be CERTIFICATE REQUEST"):
        certificates.parse(pem)


@pytest.mark.parametrize("inside", ["AAAA", "MAA=", "MAIwAA=="])
def test_what_is_half_a_request_is_refused(inside):
    pem = f"-----BEGIN CERTIFICATE REQUEST-----\n{inside}\n-----END CERTIFICATE REQUEST-----\n"
    with pytest.raises(ReconcileError):
        certificates.parse(pem)


@pytest.mark.parametrize(
    ("lasts", "ends"),
    [(10 * MINUTE, 10 * MINUTE), (8 * HOUR, 8 * HOUR - 5 * MINUTE), (365 * 24 * HOUR, 365 * 24 * HOUR - 5 * MINUTE)],
)
def test_a_certificate_is_for_who_asked_as_long_as_he_may(lasts, ends):
    usages = ("digital signature", "key encipherment", "client auth")
    asked = certificates.parse(asked_for(names=[x509.DNSName("n1")]))
    pem = certificates.issued(asked, usages, lasts, NOW, b"1")
    found = read(pem)
    found.verify_directly_issued_by(read(certificates.AUTHORITY))
    assert found.subject.rfc4514_string() == "CN=system:node:n1,O=system:nodes"
    assert found.public_key() == KEY.public_key()
    began = dt.datetime(2026, 1, 1, tzinfo=dt.UTC) - dt.timedelta(minutes=5)
    assert found.not_valid_before_utc == began
    assert certificates.ends_at(pem) == NOW + ends == int(found.not_valid_after_utc.timestamp()) * SECOND
    usage = found.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert (usage.value.digital_signature, usage.value.key_encipherment, usage.value.crl_sign) == (True, True, False)
    extended = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(extended) == [x509.ExtendedKeyUsageOID.CLIENT_AUTH]
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["n1"]


def test_the_same_is_signed_alike_and_another_serial_otherwise():
    asked = certificates.parse(asked_for())
    one, again, other = [certificates.issued(asked, (), HOUR, NOW, serial) for serial in (b"1", b"1", b"2")]
    assert one == again != other
    assert certificates.ends_at("no certificate") is None
