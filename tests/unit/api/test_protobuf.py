"""Protobuf: bytes that a server of Kubernetes gives, and bytes that nobody should."""

import pytest

from reconcile.api import protobuf

# The namespace "default" as kube-apiserver 1.36 answers it, without its managed fields.
DEFAULT = {
    "metadata": {
        "name": "default",
        "uid": "2d5325b5-777d-4c82-99b6-022939809866",
        "resourceVersion": "38",
        "creationTimestamp": "2026-11-27T12:27:13Z",
        "labels": {"kubernetes.io/metadata.name": "default"},
    },
    "spec": {"finalizers": ["kubernetes"]},
    "status": {"phase": "Active"},
}
BYTES = bytes.fromhex(
    "6b3873000a0f0a02763112094e616d657370616365128701 0a6d 0a0764656661756c7412001a002200"
    "2a24" + b"2d5325b5-777d-4c82-99b6-022939809866".hex() + "32023338 3800 4208 08a1eea5d8061000"
    "5a260a1b" + b"kubernetes.io/metadata.name".hex() + "1207" + b"default".hex() +
    "120c0a0a" + b"kubernetes".hex() + "1a080a06" + b"Active".hex() + "1a002200"
)  # fmt: skip


def test_an_object_is_written_as_the_server_writes_it():
    found = protobuf.enveloped("core_v1.Namespace", DEFAULT, "v1", "Namespace")
    assert found == BYTES
    version, kind, raw = protobuf.opened(found)
    assert (version, kind) == ("v1", "Namespace")
    assert protobuf.read("core_v1.Namespace", raw) == DEFAULT


def test_a_frame_has_its_length_before_it():
    found = protobuf.framed("ADDED", BYTES)
    assert int.from_bytes(found[:4], "big") == len(found) - 4
    assert found[4:11] == b"\x0a\x05ADDED"
    assert found.endswith(BYTES)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty data"),
        (b"{}", "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"),
        (b"k8s\x00", "empty body"),
        (b"k8s\x00\x0a", "unexpected EOF"),
        (b"k8s\x00\x0a\x05", "unexpected EOF"),
        (b"k8s\x00" + b"\xff" * 11, "proto: integer overflow"),
        (b"k8s\x00\x0c", "proto: Unknown: wiretype end group for non-group"),
        (b"k8s\x00\x06", "proto: Unknown: illegal tag 0 (wire type 6)"),
        (b"k8s\x00\x10\x01", "proto: wrong wireType = 0 for field Raw"),
    ],
)
def test_bytes_that_are_none_are_refused(content, said):
    with pytest.raises(protobuf.Malformed) as caught:
        protobuf.opened(content)
    assert str(caught.value) == said


def test_unknown_fields_are_skipped_and_nesting_is_bounded():
    assert protobuf.read("core_v1.ConfigMap", b"\xfa\x07\x01x\xf8\x07\x05\xfb\x07\x08\x01\xfc\x07\xfd\x07abcd") == {}
    # A schema that holds itself, as its field `not`, a thousand times.
    content = b""
    for _ in range(1000):
        size = len(content)
        length = b""
        while size > 0x7F:
            length += bytes([size & 0x7F | 0x80])
            size >>= 7
        content = b"\xe2\x01" + length + bytes([size]) + content
    with pytest.raises(protobuf.Malformed, match="recursion"):
        protobuf.read("apiextensions_v1.JSONSchemaProps", content)
