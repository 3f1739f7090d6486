"""Kubernetes' own CEL functions."""

from __future__ import annotations

from typing import Any

import pytest

from reconcile.model.cel import CelError, compile_errors, evaluate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("quantity('1Gi').isLessThan(quantity('2Gi'))", True),
        ("quantity('1.5').isInteger()", False),
        ("quantity('50k').add(20).asInteger()", 50020),
        ("quantity('1Mi').compareTo(quantity('1Mi'))", 0),
        ("isQuantity('1.3Gi') && !isQuantity('10 Mo')", True),
        ("url('https://user@example.com:80/a b?k=v&k=w').getHost()", "example.com:80"),
        ("url('https://example.com:80/').getPort()", "80"),
        ("url('https://[::1]:80/').getHostname()", "::1"),
        ("url('https://example.com/path?k=v&k=w').getQuery()", {"k": ("v", "w")}),
        ("isURL('https://x') && isURL('/path') && !isURL('x') && !isURL('https://a:b')", True),
        ("ip('127.0.0.1').isLoopback() && ip('::1').family() == 6", True),
        ("isIP('10.0.0.1') && !isIP('10.0.0') && !isIP('::ffff:1.2.3.4')", True),
        ("ip.isCanonical('2001:db8::1') && !ip.isCanonical('2001:DB8::1')", True),
        ("cidr('192.168.0.0/24').containsIP(ip('192.168.0.1'))", True),
        ("cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')", True),
        ("string(cidr('192.168.1.5/24').masked())", "192.168.1.0/24"),
        ("semver('1.2.3').isLessThan(semver('1.10.0')) && semver('v1.0', true).minor() == 0", True),
        ("semver('1.0.0-rc.1').isLessThan(semver('1.0.0'))", True),
        ("[1, 2, 3].isSorted() && [3, 1].max() == 3 && [1.5, 2.5].sum() == 4.0", True),
        ("[1, 2, 2].indexOf(2) + [1, 2, 2].lastIndexOf(2)", 3),
        ("'abc 123'.find('[0-9]+') + string('1a2'.findAll('[0-9]').size())", "1232"),
        ("format.dns1123Label().validate('ok').hasValue()", False),
        ("format.named('uuid').value().validate('x').value()", ("does not match the UUID format",)),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert evaluate(text, {}) == value


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("quantity('bad')", "quantities must match the regular expression"),
        ("url('x')", 'URL parse error during conversion from string: parse "x": invalid URI for request'),
        ("ip('x')", 'IP Address "x" parse error during conversion from string'),
        ("[].min()", "min called on empty list"),
        ("'a'.find('(')", "Illegal regex: error parsing regexp: missing closing ): `(`"),
    ],
)
def test_errors(text: str, error: str) -> None:
    with pytest.raises(CelError) as caught:
        evaluate(text, {})
    assert str(caught.value).startswith(error)


def test_names_are_dynamic_unless_their_types_are_known() -> None:
    assert not compile_errors("object.spec.replicas > 1", ["object"])
    assert "undeclared reference to 'params'" in compile_errors("params.x", ["object"])
