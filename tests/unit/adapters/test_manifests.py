import io

import pytest

from reconcile.adapters.manifests import ManifestError, read_manifests, read_text


def _content(text):
    (manifest,) = read_text(text)
    return manifest.content


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("yes", True), ("On", True), ("y", True), ("no", False), ("OFF", False), ("n", False), ("tRUE", "tRUE"),
        ("~", None), ("", None), ("Null", None), ("'yes'", "yes"), ("!!str yes", "yes"), ("010", 8), ("0o10", 8),
        ("08", 8), ("0x1F", 31), ("0b101", 5), ("-0b101", -5), ("1_000", 1000), ("+1", 1), ("1.0", 1), ("1.5", 1.5),
        ("1e3", 1000), (".5", 0.5), ("5.", 5), ("1e22", 1e22), ("2026-01-01", "2026-01-01"), ("12:30:45", "12:30:45"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"), ("1.2.3", "1.2.3"), ("+", "+"), (".", "."),
        ("18446744073709551615", 18446744073709551615), ("!!int 7", 7), ("!!float 7", 7), ("!!binary YWJj", "abc"),
        ("100m", "100m"), ("1.5Gi", "1.5Gi"),
    ],
)  # fmt: skip
def test_a_plain_word_is_what_kubectl_makes_of_it(word, value):
    assert _content(f"a: {word}") == {"a": value}


def test_keys_become_text():
    assert _content("1: a\non: c\n1.5: d\n'': e\n") == {"1": "a", "true": "c", "1.5": "d", "": "e"}


def test_documents_and_lists_are_unpacked_with_their_places():
    text = "a: 1\n---\n---\n# nothing\n---\nkind: List\nitems:\n- kind: PodList\n  items:\n  - b: 2\n- c: 3\n"
    found = read_text(text, "f.yaml")
    assert [(manifest.document, manifest.line, manifest.content) for manifest in found] == [
        (1, 1, {"a": 1}),
        (4, 10, {"b": 2}),
        (4, 11, {"c": 3}),
    ]
    assert found[1].where == "f.yaml, document 4, line 10"
    assert read_text("") == ()


def test_anchors_and_merges():
    assert _content("x: &x {p: 1, q: 2}\nz: {<<: *x, q: 3}\nw: {<<: [*x, {p: 9, r: 8}]}\n") == {
        "x": {"p": 1, "q": 2},
        "z": {"p": 1, "q": 3},
        "w": {"p": 1, "q": 2, "r": 8},
    }


LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "document", "line", "reason"),
    [
        ("a: 1\nb: 2\na: 3\n", 1, 3, 'duplicate key "a", first in line 1'),
        ("true: 1\nyes: 2\n", 1, 2, 'duplicate key "true", first in line 1'),
        ("a: 1\n---\nb:\n\tc: 1\n", 2, 4, "not tabs"),
        ("- 1\n", 1, 1, "expected a mapping, found a list"),
        ("---\na: 1\n---\njust text\n", 2, 4, "expected a mapping, found text"),
        ("kind: List\nitems:\n- 7\n", 1, 3, "expected a mapping, found 7"),
        ("kind: List\nitems: {}\n", 1, 1, "items: expected a list"),
        ("a: [1\n", 1, 2, "not YAML"),
        ("a: b: c\n", 1, 1, "not YAML"),
        ("a: *b\n", 1, 1, "not YAML: found undefined alias"),
        ("a: \x01\n", 1, 1, "not YAML: character 0x0001"),
        (b"a: 1\nb: \xff\n", 0, 2, "not UTF-8: byte 0xff"),
        ("a: 1\nb: 18446744073709551616\n", 1, 2, "a number beyond 64 bits: 18446744073709551616"),
        ("a: " + "9" * 5000, 1, 1, "a number beyond 64 bits"),
        ("a: 1e999\n", 1, 1, "a number beyond a double"),
        ("a: .inf\n", 1, 1, "JSON knows no such number: .inf"),
        ("a: !foo 1\n", 1, 1, "a tag that JSON has no meaning for: !foo"),
        ("a: !!int x\n", 1, 1, "'x' is no int"),
        ("a: !!set {b}\n", 1, 1, "a tag that JSON has no meaning for"),
        ("[a]: 1\n", 1, 1, "a key that is a list or a mapping"),
        ("a: 1\n~: 2\n", 1, 2, "a key that is null"),
        ("a: &a [*a]\n", 1, 1, "an alias that holds itself"),
        (LAUGHS, 1, None, "more than 250,000 values"),
        ("a: " + "[" * 300 + "]" * 300, 1, 1, "nested deeper than 200 levels"),
        ("a: " + "[" * 30_000, 1, None, "nested deeper than 200 levels"),
        ("a: {<<: 1}\n", 1, 1, "<< merges mappings only"),
        ("kind: List\nitems:\n- null\n", 1, 3, "expected a mapping, found null"),
        ("kind: List\nitems: {a: 1}\n", 1, 1, "items: expected a list, found a mapping"),
        ('a: 1\n---\nb: "\\ud83d\\ude00"\n', 2, 3, "half of a surrogate pair"),
        ("a: b\nc: 'd\ne: f\n", 1, 4, "while scanning a quoted scalar that begins in line 2"),
    ],
)
def test_each_refusal_names_file_document_and_line(text, document, line, reason):
    with pytest.raises(ManifestError) as caught:
        read_text(text, "f.yaml")
    error = caught.value
    assert reason in error.reason
    assert (error.file, error.document) == ("f.yaml", document)
    assert line is None or error.line == line
    assert str(error).startswith("f.yaml")


def test_more_values_than_a_bomb_has_if_there_is_as_much_text():
    (manifest,) = read_text("a: [" + "0, " * 250_000 + "0]\n")
    assert len(manifest.content["a"]) == 250_001


def test_a_byte_order_mark_is_no_text(tmp_path):
    for name, text in (("a.yaml", b"a: 1\n"), ("a.json", b'{"a": 1}')):
        (manifest,) = read_text(b"\xef\xbb\xbf" + text, name)
        assert manifest.content == {"a": 1}


def test_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\na: 1\n")))
    (manifest,) = read_manifests("-")
    assert (manifest.where, manifest.content) == ("<stdin>, document 1, line 2", {"a": 1})


def test_what_cannot_be_read_is_no_traceback(tmp_path):
    with pytest.raises(ManifestError, match="cannot be read: File name too long"):
        read_manifests("a" * 5000)
    (tmp_path / "broken.yaml").symlink_to("nowhere")
    with pytest.raises(ManifestError, match=r"broken\.yaml: cannot be read: No such file"):
        read_manifests(tmp_path)


def test_files_and_directories(tmp_path):
    (tmp_path / "b.yaml").write_text("kind: B\n")
    (tmp_path / "a.json").write_text('{"kind": "List", "items": [{"kind":\t"A"}]}')
    (tmp_path / "c.yml").write_text("kind: C\n")
    (tmp_path / "d.txt").write_text("not: read\n")
    assert [manifest.content["kind"] for manifest in read_manifests(tmp_path)] == ["A", "B", "C"]
    assert [manifest.content["kind"] for manifest in read_manifests(tmp_path / "b.yaml")] == ["B"]
    (tmp_path / "e.json").write_text('{"a": 1,\n"a": 2}')
    with pytest.raises(ManifestError, match=r'e.json, document 1, line 2: column 1: duplicate key "a"'):
        read_manifests(tmp_path)
    with pytest.raises(ManifestError, match="none: cannot be read: No such file"):
        read_manifests(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ManifestError, match=r"no files named \*.json, \*.yaml, \*.yml"):
        read_manifests(tmp_path / "empty")
