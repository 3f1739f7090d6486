import time
from pathlib import Path

import pytest

from reconcile.adapters.cli.files import BadFiles, Given, load_file, load_manifests, load_script, place_of
from reconcile.adapters.manifests import ManifestError, read_manifests

EXAMPLES = Path(__file__).parents[4] / "docs" / "examples"


def faults(path, text, namespace="default"):
    path.write_text(text)
    with pytest.raises(BadFiles) as caught:
        load_manifests([path], namespace)
    return [fault.removeprefix(f"{path}, document ") for fault in caught.value.faults]


def test_guestbook_in_order():
    found = load_manifests([EXAMPLES / "guestbook"], "default").declared
    assert [each.resource.kind for each in found] == ["Namespace", "ConfigMap", *["Service"] * 3, *["Deployment"] * 3]
    assert all(each.object.metadata.namespace == "guestbook" for each in found[1:])


def test_order_and_namespace(tmp_path):
    kinds = ("Deployment", "Pod", "Service", "Node", "Secret", "Namespace")
    versions = {"Deployment": "apps/v1"}
    specs = {"Deployment": ", spec: {selector: {}, template: {}}", "Pod": ", spec: {containers: []}"}
    path = tmp_path / "all.yaml"
    path.write_text(
        "\n---\n".join(
            f"{{apiVersion: {versions.get(kind, 'v1')}, kind: {kind}, metadata: {{name: a}}{specs.get(kind, '')}}}"
            for kind in kinds
        )
    )
    found = load_manifests([path], "shop").declared
    assert [each.resource.kind for each in found] == ["Namespace", "Node", "Secret", "Service", "Pod", "Deployment"]
    assert [each.object.metadata.namespace for each in found] == [None, None, *["shop"] * 4]


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
        "1, line 6: metadata.labels.app.kubernetes.io/name: expected a string, found 3",
        '1, line 12: spec.containers[1].ports[0].containerPort: expected an integer of 32 bits, found "x"',
        '1, line 10: unknown field "spec.containers[0].imag"',
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
        '1, line 11: unknown field "dat"',
        "2, line 13: ConfigMap: metadata.name: required",
    ]


def test_kinds_that_are_not_served(tmp_path):
    path = tmp_path / "a.yaml"
    said = (
        f'resource mapping not found for name: "a" namespace: "" from "{path}": '
        'no matches for kind "Widget" in version "example.com/v1" (document 1, line 1)'
    )
    text = "{apiVersion: example.com/v1, kind: Widget, metadata: {name: a}}"
    assert faults(path, text)[0] == said
    path.write_text(f"{text}\n---\n{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a}}}}")
    given = load_manifests([path], "default", skip_unknown=True)
    assert given.unknown == (said,)
    assert [each.resource.kind for each in given.declared] == ["ConfigMap"]


def test_a_kind_that_is_no_resource(tmp_path):
    assert (
        'no matches for kind "Status" in version "v1"'
        in faults(tmp_path / "a.yaml", "{apiVersion: v1, kind: Status}")[0]
    )


def test_twice(tmp_path):
    one = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"
    path = tmp_path / "a.yaml"
    path.write_text(f"{one}\n---\n{one}")
    given = load_manifests([path], "default")
    assert [each.manifest.document for each in given.declared] == [1, 2]
    (warning,) = given.warnings
    assert warning == (
        f"{path}, document 2, line 3: ConfigMap 'a' stands already at {path}, document 1, line 1: they are applied one "
        "after the other"
    )


def test_no_objects_at_all(tmp_path):
    assert load_manifests([], "default") == Given()
    path = tmp_path / "a.yaml"
    path.write_text("# nothing\n---\n")
    with pytest.raises(BadFiles, match=r"a\.yaml: there are no objects to apply"):
        load_manifests([path], "default")


def test_items_of_a_list_in_json(tmp_path):
    text = """{"apiVersion": "v1", "kind": "List", "items": [
  {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}},
  {"apiVersion": "v1", "kind": "ConfigMap",
   "metadata": {"name": "b"},
   "dat": 3}]}
"""
    assert faults(tmp_path / "a.json", text) == ['1, line 5: unknown field "dat"']


def test_many_faults_are_found_in_one_reading(tmp_path):
    text = "\n---\n".join(
        [f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a{n}}},\nbad: 1}}" for n in range(2000)]
    )
    began = time.process_time()
    found = faults(tmp_path / "a.yaml", text)
    assert time.process_time() - began < 30  # reading the file anew for each took an hour
    assert found[-1] == '2000, line 5999: unknown field "bad"'


def test_each_command_of_a_script_has_its_place(tmp_path):
    path = tmp_path / "day.yaml"
    path.write_text("commands:\n- {at: 1s, stop host: a}\n- at: 2s\n  start host: a\n")
    assert [timed.place for timed in load_script(path, "default")] == [
        f"{path}, document 1, line 2",
        f"{path}, document 1, line 3",
    ]
    path.write_text("commands:\n- at: 2s\n  apply:\n    apiVersion: v1\n    kind: ConfigMap\n    dat: {}\n")
    with pytest.raises(BadFiles, match=r'line 6: commands\[0\]\.apply\.dat: unknown field "dat"'):
        load_script(path, "default")


def test_files_that_are_none(tmp_path):
    assert load_file(None, lambda content: content) is None
    path = tmp_path / "two.yaml"
    path.write_text("a: 1\n---\nb: 1")
    with pytest.raises(BadFiles, match="expected one document, found 2"):
        load_file(path, lambda content: content)
    path.write_text("a: 1\na: 2")
    with pytest.raises(BadFiles, match='document 1, line 2: duplicate key "a"'):
        load_file(path, lambda content: content)
    with pytest.raises(ManifestError, match="cannot be read"):
        load_manifests([tmp_path / "none.yaml"], "default")


def test_places_of_json(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{\n "a": {\n  "b": [\n   1,\n   2]}}')
    (manifest,) = read_manifests(path)
    assert place_of(manifest, "a.b[1]") == f"{path}, document 1, line 5"
    assert place_of(manifest, ("a", "b", 7)) == f"{path}, document 1, line 3"
    assert place_of(manifest, "nowhere") == f"{path}, document 1, line 1"
