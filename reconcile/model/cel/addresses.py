"""
Kubernetes' CEL functions of addresses: url(), ip(), cidr().

Source:   https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-url-library and those of IP and CIDR.
Left out: nothing known.
"""

from __future__ import annotations

import json
import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface, ip_network
from typing import Any, Final

import attrs

from reconcile.lib.cel import CelError, library

_URL: Final = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?(?://(?P<host>[^/?#]*))?(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?P<rest>.*)",
    re.DOTALL,
)
_PLAIN: Final = re.compile(r"[A-Za-z0-9\-_.~$&+,/:;=@!'()*\[\]%]")


@attrs.frozen
class Url:
    """An absolute URI or an absolute path."""

    scheme: str
    host: str
    path: str
    query: str
    cel_type = "kubernetes.URL"


@attrs.frozen
class Ip:
    """An IP address."""

    address: IPv4Address | IPv6Address
    cel_type = "net.IP"

    def __str__(self) -> str:
        return str(self.address)


@attrs.frozen
class Cidr:
    """An address with the length of its network's prefix."""

    address: IPv4Address | IPv6Address
    length: int
    cel_type = "net.CIDR"

    def __str__(self) -> str:
        return f"{self.address}/{self.length}"


def url(text: str) -> Url:
    """
    Read a URL.

    Raises:
        CelError: it is none, in Go's words.
    """
    why = _url_fault(text)
    if why:
        raise CelError(
            f"URL parse error during conversion from string: parse {json.dumps(text, ensure_ascii=False)}: {why}"
        )
    found = _URL.fullmatch(text)
    assert found is not None, "the pattern takes every text"
    host = (found["host"] or "").rpartition("@")[2]
    path = found["path"] if found["host"] is not None or found["path"].startswith("/") else ""
    escaped = "".join([letter if _PLAIN.fullmatch(letter) else _percent(letter) for letter in path])
    return Url((found["scheme"] or "").lower(), host, escaped, found["query"] or "")


def _percent(letter: str) -> str:
    return "".join([f"%{byte:02X}" for byte in letter.encode()])


def url_fault(text: str) -> str:
    """Say what keeps a text from being a request's URI, in Go's words; empty if nothing does."""
    why = _url_fault(text)
    return f"parse {json.dumps(text, ensure_ascii=False)}: {why}" if why else ""


def _url_fault(text: str) -> str:
    if not text:
        return "empty url"
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text):  # noqa: PLR2004 -- ASCII's control characters
        return "net/url: invalid control character in URL"
    if text == "*":
        return ""
    scheme, colon, _ = text.partition(":")
    if text.startswith(":"):
        return "missing protocol scheme"
    absolute = bool(colon) and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme) is not None
    if not absolute and not text.startswith("/"):
        return "invalid URI for request"
    bad = re.search(r"%(?![0-9A-Fa-f]{2}).{0,2}", text)
    if bad:
        return f"invalid URL escape {json.dumps(bad[0])}"
    found = _URL.fullmatch(text)
    host = (found["host"] or "") if found else ""
    host = host.rpartition("@")[2]
    if re.search(r"[\s<>\"{}|\\^`]", host):
        letter = re.search(r"[\s<>\"{}|\\^`]", host)
        return f"invalid character {json.dumps(letter[0] if letter else '')} in host name"
    port = re.search(r":([^:\]]*)$", host)
    if port and not port[1].isdigit() and port[1] and not host.endswith("]"):
        return f"invalid port {json.dumps(port[0])} after host"
    if host.startswith("[") and "]" not in host:
        return "missing ']' in host"
    return ""


def _hostname(found: Url) -> str:
    if found.host.startswith("["):
        return found.host[1:].partition("]")[0]
    return found.host.partition(":")[0]


def _port(found: Url) -> str:
    after = found.host.rpartition("]")[2]
    return after.partition(":")[2]


def _query(found: Url) -> dict[str, tuple[str, ...]]:
    made: dict[str, list[str]] = {}
    for pair in found.query.split("&"):
        if not pair or ";" in pair:
            continue
        key, _, value = pair.partition("=")
        made.setdefault(_unescaped(key), []).append(_unescaped(value))
    return {key: tuple(values) for key, values in made.items()}


def _unescaped(text: str) -> str:
    raw = text.replace("+", " ").encode()
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), raw).decode("utf-8", "replace")


def ip(text: str) -> Ip:
    """
    Read an IP address.

    Raises:
        CelError: it is none, in Kubernetes' words.
    """
    quoted = json.dumps(text)
    try:
        found = ip_address(text)
    except ValueError:
        why = f"ParseAddr({quoted}): unable to parse IP"
        raise CelError(f"IP Address {quoted} parse error during conversion from string: {why}") from None
    if "%" in text:
        raise CelError(f"IP address {quoted} with zone value is not allowed")
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        raise CelError(f"IPv4-mapped IPv6 address {quoted} is not allowed")
    return Ip(found)


def cidr(text: str) -> Cidr:
    """
    Read an address with the length of a prefix.

    Raises:
        CelError: it is none, in Kubernetes' words.
    """
    quoted = json.dumps(text)
    try:
        if not re.fullmatch(r"[^/]+/(0|[1-9][0-9]*)", text) or "%" in text:
            raise ValueError  # noqa: TRY301 -- one answer to all that is no network
        found = ip_interface(text)
    except ValueError:
        why = f"netip.ParsePrefix({quoted}): no '/'" if "/" not in text else f"netip.ParsePrefix({quoted}): bad prefix"
        # Upstream says it of the text, and then of what it has said.
        said = "network address parse error during conversion from string"
        raise CelError(f"{said}: {said}: {why}") from None
    if isinstance(found.ip, IPv6Address) and found.ip.ipv4_mapped is not None:
        raise CelError(f"IPv4-mapped IPv6 address {quoted} is not allowed")
    return Cidr(found.ip, found.network.prefixlen)


def _is(read: Any) -> Any:
    def check(text: str) -> bool:
        try:
            read(text)
        except CelError:
            return False
        return True

    return check


def _network(found: Cidr) -> Any:
    return ip_network(f"{found.address}/{found.length}", strict=False)


def _contains_ip(block: Cidr, address: Any) -> bool:
    one = ip(address) if isinstance(address, str) else address
    return one.address in _network(block)


def _contains_cidr(block: Cidr, inner: Any) -> bool:
    one = cidr(inner) if isinstance(inner, str) else inner
    outer, within = _network(block), _network(one)
    return outer.version == within.version and bool(within.subnet_of(outer))


def _link_local_multicast(found: Ip) -> bool:
    text = "224.0.0.0/24" if found.address.version == 4 else "ff02::/16"  # noqa: PLR2004 -- IP's versions
    return found.address in ip_network(text)


def _global_unicast(found: Ip) -> bool:
    address = found.address
    if address.version == 4 and str(address) == "255.255.255.255":  # noqa: PLR2004 -- IP's versions
        return False
    return not (address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local)


ADDRESSES: Final = library(
    ("url(string) kubernetes.URL", url),
    ("isURL(string) bool", lambda text: not _url_fault(text)),
    ("->kubernetes.URL.getScheme() string", lambda found: found.scheme),
    ("->kubernetes.URL.getHost() string", lambda found: found.host),
    ("->kubernetes.URL.getHostname() string", _hostname),
    ("->kubernetes.URL.getPort() string", _port),
    ("->kubernetes.URL.getEscapedPath() string", lambda found: found.path),
    ("->kubernetes.URL.getQuery() map(string, list(string))", _query),
    ("ip(string) net.IP", ip),
    ("isIP(string) bool", _is(ip)),
    ("ip.isCanonical(string) bool", lambda text: str(ip(text)) == text),
    ("->net.IP.family() int", lambda found: found.address.version),
    ("->net.IP.isUnspecified() bool", lambda found: found.address.is_unspecified),
    ("->net.IP.isLoopback() bool", lambda found: found.address.is_loopback),
    ("->net.IP.isLinkLocalMulticast() bool", _link_local_multicast),
    ("->net.IP.isLinkLocalUnicast() bool", lambda found: found.address.is_link_local),
    ("->net.IP.isGlobalUnicast() bool", _global_unicast),
    ("string(net.IP) string\nstring(net.CIDR) string", str),
    ("cidr(string) net.CIDR", cidr),
    ("isCIDR(string) bool", _is(cidr)),
    ("->net.CIDR.containsIP(string) bool\n->net.CIDR.containsIP(net.IP) bool", _contains_ip),
    ("->net.CIDR.containsCIDR(string) bool\n->net.CIDR.containsCIDR(net.CIDR) bool", _contains_cidr),
    ("->net.CIDR.ip() net.IP", lambda found: Ip(found.address)),
    ("->net.CIDR.prefixLength() int", lambda found: found.length),
    ("->net.CIDR.masked() net.CIDR", lambda found: Cidr(_network(found).network_address, found.length)),
)
