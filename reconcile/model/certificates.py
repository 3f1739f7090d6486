"""
Certificates: what a certificate request asks for, and the certificate that the cluster's authority gives for it.

The authority is the same in every cluster, and so is its key, which stands here for everybody to read: a replay gives
the same certificates, and they protect nothing.

Takes:    a request for a certificate in PEM, its usages and how long it is to last.
Gives:    its subject and its alternative names; a certificate in PEM.
Source:   RFC 2986, RFC 5280; pkg/controller/certificates/authority; apis/certificates' helpers.
Left out: whether a request was signed with the key that it is for.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from hashlib import sha1, sha256
from typing import Final

import attrs

from reconcile.lib import der, ecdsa
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import HOUR, MINUTE, SECOND, Duration, Instant

AUTHORITY_KEY: Final = int.from_bytes(sha256(b"the authority of every simulated cluster").digest(), "big")
"""The key of the authority: no secret."""

AUTHORITY: Final = """\
-----BEGIN CERTIFICATE-----
MIIBczCCARqgAwIBAgIBATAKBggqhkjOPQQDAjAVMRMwEQYDVQQDDAprdWJlcm5l
dGVzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAVMRMwEQYDVQQD
DAprdWJlcm5ldGVzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEP1ejSly79oCG
Zi9vlOYmxt0/bOuim5XAvA9jdwgSV/TIPqIqr61RAzatRkVrNXnJY0NtwV0o4fQ7
UNTEPxTGn6NZMFcwDgYDVR0PAQH/BAQDAgKkMA8GA1UdEwEB/wQFMAMBAf8wHQYD
VR0OBBYEFMHLQM046cYngXJrrs78gS38/JCGMBUGA1UdEQQOMAyCCmt1YmVybmV0
ZXMwCgYIKoZIzj0EAwIDRwAwRAIgJoMtFvfmvT/iYbLcfG+y/vVsmYkGfxYTCEsj
8218W/4CIEO/x7caaWIKuqrLnqjBqoY2dnO8c1UVFDzhBM53HMEe
-----END CERTIFICATE-----
"""
"""The certificate of the authority: what `authority` makes."""

_NAME: Final = "kubernetes"
_BEGAN: Final = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_ENDS: Final = dt.datetime(2120, 1, 1, tzinfo=dt.UTC)
# So much earlier than now a certificate begins, and one that is not short ends.
_BACKDATE: Final[Duration] = 5 * MINUTE
_SHORT: Final[Duration] = 8 * HOUR

_COMMON_NAME: Final = "2.5.4.3"
_ORGANIZATION: Final = "2.5.4.10"
_EXTENSIONS_ASKED: Final = "1.2.840.113549.1.9.14"
_ALTERNATIVE_NAMES: Final = "2.5.29.17"
_EMAIL, _DNS, _URI, _IP = 0x81, 0x82, 0x86, 0x87
_ATTRIBUTES: Final = 0xA0

_KEY_USAGES: Final = {
    "signing": 0,
    "digital signature": 0,
    "content commitment": 1,
    "key encipherment": 2,
    "data encipherment": 3,
    "key agreement": 4,
    "cert sign": 5,
    "crl sign": 6,
    "encipher only": 7,
    "decipher only": 8,
}
# In the order in which they stand in a certificate.
_EXTENDED_USAGES: Final = {
    "any": "2.5.29.37.0",
    "server auth": "1.3.6.1.5.5.7.3.1",
    "client auth": "1.3.6.1.5.5.7.3.2",
    "code signing": "1.3.6.1.5.5.7.3.3",
    "email protection": "1.3.6.1.5.5.7.3.4",
    "s/mime": "1.3.6.1.5.5.7.3.4",
    "ipsec end system": "1.3.6.1.5.5.7.3.5",
    "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
    "ipsec user": "1.3.6.1.5.5.7.3.7",
    "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocsp signing": "1.3.6.1.5.5.7.3.9",
    "microsoft sgc": "1.3.6.1.4.1.311.10.3.3",
    "netscape sgc": "2.16.840.1.113730.4.1",
}
_PEM: Final = re.compile(r"-----BEGIN ([A-Z ]+)-----\s*\n(?:[^\n:]+:[^\n]*\n)*([A-Za-z0-9+/=\s]*)-----END \1-----")


@attrs.frozen
class Asked:
    """
    What a certificate request says.

    Args:
        common_name: of its subject; empty if it has none.
        organizations: of its subject.
        dns, emails, ips, uris: how many alternative names of each kind it has.
        subject, key, names: as they are encoded: the subject, the public key, the alternative names (empty if none).
    """

    common_name: str
    organizations: tuple[str, ...]
    dns: int
    emails: int
    ips: int
    uris: int
    subject: bytes
    key: bytes
    names: bytes


def parse(pem: str) -> Asked:
    """
    Read a certificate request.

    Raises:
        ReconcileError: it is none.
    """
    try:
        body = der.values(_decoded(pem, "CERTIFICATE REQUEST"))[0].parts()[0].parts()
        _version, subject, key = body[:3]
        names = _names(body[3:])
        found = [] if not names else list(der.values(names)[0].parts())
        kinds = [each.tag for each in found]
        return Asked(
            common_name="".join(_said(subject, _COMMON_NAME)[-1:]),
            organizations=tuple(_said(subject, _ORGANIZATION)),
            dns=kinds.count(_DNS),
            emails=kinds.count(_EMAIL),
            ips=kinds.count(_IP),
            uris=kinds.count(_URI),
            subject=subject.whole,
            key=key.whole,
            names=names,
        )
    except (IndexError, ValueError) as error:
        raise ReconcileError(f"a certificate request that has not all of its parts: {error}") from None


def issued(asked: Asked, usages: tuple[str, ...], lasts: Duration, now: Instant, serial: bytes) -> str:
    """Give the certificate, in PEM, that the authority signs; *serial* makes it another one than others."""
    until = now + lasts - (0 if lasts < _SHORT else _BACKDATE)
    extensions = _usages(usages)
    extensions.append(_extension("2.5.29.19", der.written(der.SEQUENCE), critical=True))
    extensions.append(_extension("2.5.29.35", der.written(der.SEQUENCE, der.written(0x80, _key_name()))))
    if asked.names:
        nobody = asked.subject == der.written(der.SEQUENCE)
        extensions.append(_extension(_ALTERNATIVE_NAMES, asked.names, critical=nobody))
    number = int.from_bytes(sha256(serial).digest()[:16], "big") >> 1
    ends = min(_moment(until), _ENDS)
    return _certificate(number, asked.subject, asked.key, _moment(now - _BACKDATE), ends, extensions)


def authority() -> str:
    """Give the authority's own certificate, in PEM, as it is made: `AUTHORITY` is what this gives."""
    names = _subject(_NAME)
    extensions = [
        _extension("2.5.29.15", der.bits(0, 2, 5), critical=True),
        _extension("2.5.29.19", der.written(der.SEQUENCE, der.written(der.BOOLEAN, b"\xff")), critical=True),
        _extension("2.5.29.14", der.written(der.OCTET_STRING, _key_name())),
        _extension(_ALTERNATIVE_NAMES, der.written(der.SEQUENCE, der.written(_DNS, _NAME.encode()))),
    ]
    return _certificate(1, names, _public(), _BEGAN, _ENDS, extensions)


def ends_at(pem: str) -> Instant | None:
    """Give when a certificate's time is over; None if it is no certificate."""
    try:
        validity = der.values(_decoded(pem, "CERTIFICATE"))[0].parts()[0].parts()[4].parts()
        return _instant(validity[1])
    except (ReconcileError, IndexError, ValueError):
        return None


# What is read --------------------------------------------------------------------------------------------------------


def _decoded(pem: str, kind: str) -> bytes:
    found = _PEM.search(pem)
    if found is None or found[1] != kind:
        raise ReconcileError(f"PEM block type must be {kind}")
    try:
        return base64.b64decode(found[2])
    except binascii.Error as error:
        raise ReconcileError(f"PEM: {error}") from None


def _said(subject: der.Value, kind: str) -> list[str]:
    found = []
    for relative in subject.parts():
        for pair in relative.parts():
            name, value = pair.parts()
            if der.oid(name.content) == kind:
                found.append(value.content.decode("utf-8", "replace"))
    return found


def _names(rest: tuple[der.Value, ...]) -> bytes:
    """Give the encoded alternative names among a request's attributes; empty if there are none."""
    for attributes in [each for each in rest if each.tag == _ATTRIBUTES]:
        for attribute in attributes.parts():
            kind, held = attribute.parts()
            if der.oid(kind.content) != _EXTENSIONS_ASKED:
                continue
            for extension in held.parts()[0].parts():
                parts = extension.parts()
                if der.oid(parts[0].content) == _ALTERNATIVE_NAMES:
                    return parts[-1].content
    return b""


def _instant(value: der.Value) -> Instant:
    form = "%y%m%d%H%M%SZ" if value.tag == der.UTC_TIME else "%Y%m%d%H%M%SZ"
    moment = dt.datetime.strptime(value.content.decode(), form).replace(tzinfo=dt.UTC)
    return int(moment.timestamp()) * SECOND


# What is written -----------------------------------------------------------------------------------------------------


def _certificate(  # noqa: PLR0917 -- the parts of a certificate
    serial: int,
    subject: bytes,
    key: bytes,
    begins: dt.datetime,
    ends: dt.datetime,
    extensions: list[bytes],
) -> str:
    algorithm = der.written(der.SEQUENCE, der.identifier("1.2.840.10045.4.3.2"))
    body = der.written(
        der.SEQUENCE,
        der.written(0xA0, der.integer(2)),
        der.integer(serial),
        algorithm,
        _subject(_NAME),
        der.written(der.SEQUENCE, _time(begins), _time(ends)),
        subject,
        key,
        der.written(0xA3, der.written(der.SEQUENCE, *extensions)),
    )
    signature = der.written(der.SEQUENCE, *map(der.integer, ecdsa.signed(AUTHORITY_KEY, body)))
    whole = der.written(der.SEQUENCE, body, algorithm, der.written(der.BIT_STRING, b"\x00", signature))
    text = base64.b64encode(whole).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def _usages(usages: tuple[str, ...]) -> list[bytes]:
    extensions = []
    bits = sorted({_KEY_USAGES[usage] for usage in usages if usage in _KEY_USAGES})
    if bits:
        extensions.append(_extension("2.5.29.15", der.bits(*bits), critical=True))
    extended = dict.fromkeys([oid for usage, oid in _EXTENDED_USAGES.items() if usage in usages])
    if extended:
        extensions.append(_extension("2.5.29.37", der.written(der.SEQUENCE, *map(der.identifier, extended))))
    return extensions


def _extension(kind: str, value: bytes, *, critical: bool = False) -> bytes:
    marked = der.written(der.BOOLEAN, b"\xff") if critical else b""
    return der.written(der.SEQUENCE, der.identifier(kind), marked, der.written(der.OCTET_STRING, value))


def _subject(name: str) -> bytes:
    pair = der.written(der.SEQUENCE, der.identifier(_COMMON_NAME), der.written(0x0C, name.encode()))
    return der.written(der.SEQUENCE, der.written(der.SET, pair))


def _point() -> bytes:
    x, y = ecdsa.public(AUTHORITY_KEY)
    return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def _public() -> bytes:
    kind = der.written(der.SEQUENCE, der.identifier("1.2.840.10045.2.1"), der.identifier("1.2.840.10045.3.1.7"))
    return der.written(der.SEQUENCE, kind, der.written(der.BIT_STRING, b"\x00", _point()))


def _key_name() -> bytes:
    return sha1(_point(), usedforsecurity=False).digest()


def _time(moment: dt.datetime) -> bytes:
    if moment.year < 2050:  # noqa: PLR2004 -- RFC 5280, 4.1.2.5
        return der.written(der.UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
    return der.written(der.GENERALIZED_TIME, moment.strftime("%Y%m%d%H%M%SZ").encode())


def _moment(at: Instant) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=at // SECOND)
