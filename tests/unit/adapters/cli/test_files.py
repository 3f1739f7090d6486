from pathlib import Path

import pytest

from reconcile.adapters.cli.files import BadFiles, load_file, load_manifests, place_of
from reconcile.adapters.manifests import ManifestError, read_manifests

EXAMPLES = Path(__file__).parents[4] / "docs" / "examples"


def faults(path, text, namespace="default"):
    path.write_text(text)
    with pytest.raises(BadFiles) as caught:
        load_manifests([path], namespace)
    return [fault.removeprefix(f"{path}:") for fault in caught.value.faults]


def test_guestbook_in_order():
    found = load_manifests([EXAMPLES / "guestbook"], "default")
    assert [each.resource.kind for each in found] == ["Namespace", "ConfigMap", *["Service"] * 3, *["Deployment"] * 3]
    assert all(each.object.metadata.namespace == "guestbook" for each in found[1:])


def test_order_and_namespace(tmp_path):
    kinds = ("Deployment", "Service", "Secret", "Namespace")
    versions = {"Deployment": "apps/v1"}
    path = tmp_path / "all.yaml"
    path.write_text(
        "\n---\n".join(
            f"{{apiVersion: {versions.get(kind, 'v1')}, kind: {kind}, metadata: {{name: a}}"
            + (", spec: {selector: {}, template: {}}}" if kind == "Deployment" else "}")
            for kind in kinds
        )
    )
    found = load_manifests([path], "shop")
    assert [each.resource.kind for each in found] == ["Namespace", "Secret", "Service", "Deployment"]
    assert [each.object.metadata.namespace for each in found] == [None, "shop", "shop", "shop"]


def test_faults_have_the_line_of_their_field(tmp_path):
    text = """\
apiVersion: v1
kind: Pod
metadata:
  name: p
  labels:
    app.kubernetes.io/name: 3
spec:
  containers:
    - name: c
      imag: c
    - name: d
      ports: [{containerPort: x}]
"""
    assert faults(tmp_path / "a.yaml", text) == [
        "6: metadata.labels.app.kubernetes.io/name: expected a string, found 3",
        '12: spec.containers[1].ports[0].containerPort: expected an integer of 32 bits, found "x"',
        '10: unknown field "spec.containers[0].imag"',
    ]


def test_items_of_lists_have_lines_of_their_own(tmp_path):
    text = """\
# a list
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: a}
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: b}
    dat: {}
---
apiVersion: v1
kind: ConfigMap
metadata: {}
"""
    assert faults(tmp_path / "a.yaml", text) == [
        '11: unknown field "dat"',
        "13: ConfigMap: metadata.name: required",
    ]


def test_kinds_that_are_not_served(tmp_path):
    text = "{apiVersion: example.com/v1, kind: Widget, metadata: {name: a}}"
    assert faults(tmp_path / "a.yaml", text) == ['1: no matches for kind "Widget" in version "example.com/v1"']


def test_twice(tmp_path):
    one = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"
    path = tmp_path / "a.yaml"
    assert faults(path, f"{one}\n---\n{one}") == [f"3: ConfigMap 'a' stands already at {path}:1"]


def test_files_that_are_none(tmp_path):
    assert load_file(None, lambda content: content) is None
    path = tmp_path / "two.yaml"
    path.write_text("a: 1\n---\nb: 1")
    with pytest.raises(BadFiles, match="expected one document, found 2"):
        load_file(path, lambda content: content)
    with pytest.raises(ManifestError, match="cannot be read"):
        load_manifests([tmp_path / "none.yaml"], "default")


def test_places_of_json(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{\n "a": {\n  "b": [\n   1,\n   2]}}')
    (manifest,) = read_manifests(path)
    assert place_of(manifest, "a.b[1]") == f"{path}:5"
    assert place_of(manifest, ("a", "b", 7)) == f"{path}:3"
    assert place_of(manifest, "nowhere") == f"{path}:1"
