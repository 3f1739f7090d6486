"""Certificates: a cluster's own authority, what the server shows and what clients show it."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_YEAR = dt.timedelta(days=365)
_LONG = 10 * _YEAR  # an authority's, as kubeadm has it
_SOON = dt.timedelta(days=30)
_EARLIER = dt.timedelta(hours=1)  # clocks differ


@attrs.frozen
class Pair:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """
    A certificate authority that lives as long as the server, unless it is kept.

    Args:
        kept: its certificate and key, as `pair` gave them; None for a new one.

    Raises:
        ValueError: *kept* is none.
    """

    def __init__(self, kept: Pair | None = None) -> None:
        if kept is not None:
            self._certificate = x509.load_pem_x509_certificate(kept.certificate)
            self._key = _key_of(kept)
            self._name = self._certificate.subject
            return
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "reconcile")])
        self._certificate = (
            _begun(self._name, self._name, self._key, _LONG)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pair(self) -> Pair:
        """The authority's own certificate and its key, for who keeps them."""
        return Pair(self.certificate, _pem_of(self._key))

    @property
    def certificate(self) -> bytes:
        """The authority's own certificate, as PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def for_server(self, names: Sequence[str]) -> Pair:
        """Give what a server shows that is reached under *names*, which are DNS names or IP addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
        alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
        made = _begun(subject, self._name, key).add_extension(alternatives, critical=False)
        return self._signed(made, key, ExtendedKeyUsageOID.SERVER_AUTH)

    def for_client(self, user: str, groups: Sequence[str]) -> Pair:
        """Give what a client shows that is *user*, of *groups*."""
        key = ec.generate_private_key(ec.SECP256R1())
        parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        subject = x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, user)])
        return self._signed(_begun(subject, self._name, key), key, ExtendedKeyUsageOID.CLIENT_AUTH)

    def _signed(
        self, made: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, usage: x509.ObjectIdentifier
    ) -> Pair:
        certificate = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=False).sign(
            self._key, hashes.SHA256()
        )
        return Pair(certificate.public_bytes(serialization.Encoding.PEM), _pem_of(key))


def lasts(pair: Pair) -> bool:
    """Tell whether a certificate is good for a month yet; ValueError if it is none."""
    certificate = x509.load_pem_x509_certificate(pair.certificate)
    return certificate.not_valid_after_utc > dt.datetime.now(dt.UTC) + _SOON


def _key_of(pair: Pair) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pair.key, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the key is of another kind")  # noqa: TRY004 -- as what reads keys raises
    return key


def _pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lasting: dt.timedelta = _YEAR
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + lasting)
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
