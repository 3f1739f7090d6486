"""Keys that are a function of a text, and signatures that others can check."""

import pytest

from reconcile.lib import rsa

KEY = rsa.key_of("a")


def test_a_key_is_a_function_of_its_text():
    rsa.key_of.cache_clear()
    assert rsa.key_of("a") == KEY
    assert KEY.modulus.bit_length() == 2048
    assert KEY.p > KEY.q
    assert f"{KEY.modulus:x}"[:16] == "98d5ebfd9caa01f3"  # on any machine, with any Python


def test_a_signature_is_of_one_message_and_one_key():
    signature = KEY.sign(b"said")
    assert KEY.signed(b"said", signature)
    assert KEY.sign(b"said") == signature
    other = rsa.Key(KEY.p, rsa.key_of("b").q)
    for key, message, shown in (
        (KEY, b"sald", signature),
        (KEY, b"said", signature[:-1] + bytes([signature[-1] ^ 1])),
        (KEY, b"said", signature[:-1]),
        (KEY, b"said", b"\0" + signature),
        (KEY, b"said", b"\xff" * 256),
        (KEY, b"said", b""),
        (other, b"said", signature),
    ):
        assert not key.signed(message, shown)


def test_others_check_it_alike():
    pytest.importorskip("cryptography")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding

    public = serialization.load_der_public_key(KEY.der)
    assert public.public_numbers().n == KEY.modulus
    public.verify(KEY.sign(b"said"), b"said", padding.PKCS1v15(), hashes.SHA256())
