import io

import pytest
import yaml

from reconcile.adapters.manifests import ManifestError, parsing, read_manifests, read_text


@pytest.fixture(autouse=True, params=["libyaml", "python"])
def _reader(request, monkeypatch):
    """Every test is one of both readers, which are to be alike."""
    if request.param == "python":
        monkeypatch.setattr(parsing, "_Quick", None)
    elif parsing._Quick is None:
        pytest.skip("PyYAML has no libyaml here")


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
        ("100m", "100m"), ("1.5Gi", "1.5Gi"), ("1e400", "1e400"), ("0xFFFFFFFFFFFFFFFFFF", "0xFFFFFFFFFFFFFFFFFF"),
        ("0o_7", 7), ("1:30", "1:30"), ("=", "="), ("!foo 1", "1"), ("!!foo yes", "yes"), ("!!str", ""),
        ("!", ""), ("! x", "x"),
        ("!!binary /w==", "\ufffd"), ("!foo {b: 1}", {"b": 1}), ("!!set {b, c}", {"b": None, "c": None}),
        ("!!omap [b: 1]", [{"b": 1}]), ("x:y", "x:y"), ("a#b #c", "a#b"),
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
    # What is merged later counts more, be it what stands there in full.
    assert _content("x: &x {p: 1}\nz: {p: 3, <<: *x}\nw: {<<: *x, <<: {p: 2}}\nv: {'<<': 1}\n") == {
        "x": {"p": 1},
        "z": {"p": 1},
        "w": {"p": 2},
        "v": {"<<": 1},
    }
    assert _content("a: &x 1\nb: *x\nc: &x\nd: *x\n") == {"a": 1, "b": 1, "c": None, "d": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: b\t\nc: d\n", {"a": "b", "c": "d"}),
        ("a:\tb\t# c\n", {"a": "b"}),
        ("a: b\tc\n", {"a": "b\tc"}),
        ("a\t: b\n", {"a": "b"}),
        ("a: |\t\n  x\n", {"a": "x\n"}),
        ("a: >-\t# c\n  x\n  y\n", {"a": "x y"}),
        ("a: |2+\t\n   x\n\n", {"a": " x\n\n"}),
        ("a: {b:\t1,\n\tc: 2\t}\n", {"a": {"b": 1, "c": 2}}),
        ("a: 'x\n\ty'\n", {"a": "x y"}),
        ("a: x\n   \ty\n", {"a": "x y"}),
        ("a: b\t\n...\t\n", {"a": "b"}),
        ("a: [x,\tz\t]\n", {"a": ["x", "z"]}),
    ],
)
def test_tabs_where_they_indent_nothing(text, value):
    assert _content(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "\ta: b\n", "a: x\n\ty: z\n", "a: x\n\t\nb: y\n", "a: x\n\t# c\nb: y\n", "a:\n-\tx: 1\n", "a: |\n  x\n\ty\n",
        "a: x\n\ty\n",
    ],
)  # fmt: skip
def test_tabs_that_indent(text):
    with pytest.raises(ManifestError, match="not YAML"):
        read_text(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"a: |\n  x", [{"a": "x\n"}]),  # a last line without an end
        (b"a: 1\r\n---\r\nb: |\r\n  x\r\n  y\r\n", [{"a": 1}, {"b": "x\ny\n"}]),
        ("a: \u00e4\n".encode("utf-16"), [{"a": "\u00e4"}]),
        (b"\xef\xbb\xbfa: 1\n---\n\xef\xbb\xbfb: 1\n", [{"a": 1}, {"b": 1}]),
        (b"# only\n", []),
        (b"---\n---\n# only\n---\nnull\n---\n~\n", []),
        (b"a: '---'\nb: ---\n", [{"a": "---", "b": "---"}]),
        (b'{"a": 1}{"b": 2} {"c": 3}\n\n{"d": 1.0}', [{"a": 1}, {"b": 2}, {"c": 3}, {"d": 1}]),
        (b'{"a": 1}\n---\n{"b": 2}\n---\nc: 3\n', [{"a": 1}, {"b": 2}, {"c": 3}]),
        (b"{a: 1, b: x,}\n", [{"a": 1, "b": "x"}]),
        (b'{"a": 1} # a comment\n', [{"a": 1}]),
    ],
)
def test_streams(text, value):
    for name in ("f.yaml", "f.json"):
        assert [manifest.content for manifest in read_text(text, name)] == value


@pytest.mark.parametrize(
    ("text", "value", "warning"),
    [
        (b"a: 1\nb: 2\na: 3\n", {"a": 3, "b": 2}, '1, line 3: duplicate key "a", first in line 1: the last one counts'),
        (b"true: 1\nyes: 2\n", {"true": 2}, '1, line 2: duplicate key "true", first in line 1: the last one counts'),
        (b'{"a": 1,\n"a": 2}', {"a": 2}, '1, line 2: duplicate key "a": the last one counts'),
        (b"a: 1\n...\nb: 2\n", {"a": 1}, "1, line 2: what follows the end of the document is not read"),
        (b"a: 1\n...\n: : :\n", {"a": 1}, "1, line 2: what follows the end of the document is not read"),
        (b"a: \xff\n", {"a": "\ufffd"}, "f.yaml, line 1: not UTF-8: byte 0xff, read as U+FFFD"),
    ],
)
def test_what_is_taken_with_a_warning(text, value, warning):
    (manifest,) = read_text(text, "f.yaml")
    assert manifest.content == value
    assert [text.removeprefix("f.yaml, document ") for text in manifest.warnings] == [warning]


def test_what_is_taken_without_a_warning():
    (manifest,) = read_text(b"a: 1\n... # the end\n")
    assert manifest.warnings == ()


def test_items_have_the_kind_of_their_list():
    text = "kind: PodList\napiVersion: v1\nitems: [{a: 1}, {kind: B}]\n---\nkind: ConfigMap\nitems: [{a: 1}]\n"
    assert [manifest.content for manifest in read_text(text)] == [
        {"a": 1, "kind": "Pod", "apiVersion": "v1"},
        {"kind": "B"},
        {"a": 1},
    ]


LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "document", "line", "reason"),
    [
        ("--- a: 1\n", 1, 1, "invalid document separator: a: 1"),
        ("a: 1\n---b: 2\n", 2, 2, "invalid document separator: b: 2"),
        ('{"a": 1}{"b": 2}\n{"c": 3,\n}', 3, 3, "not JSON"),
        ("%YAML 1.1\n---\na: 1\n", 1, 2, "not YAML"),
        ("a: 1\n---\nb:\n\tc: 1\n", 2, 4, "not tabs"),
        ("- 1\n", 1, 1, "expected a mapping, found a list"),
        ("---\na: 1\n---\njust text\n", 2, 4, "expected a mapping, found text"),
        ("kind: List\nitems:\n- 7\n", 1, 3, "expected a mapping, found 7"),
        ("kind: List\nitems: {}\n", 1, 1, "items: expected a list"),
        ("a: [1\n", 1, 2, "not YAML"),
        ("a: b: c\n", 1, 1, "not YAML"),
        ("a: *b\n", 1, 1, "not YAML: found undefined alias"),
        ("a: \x01\n", 1, 1, "not YAML: character 0x0001"),
        ("a: 1\nb: 18446744073709551616\n", 1, 2, "a number beyond 64 bits: 18446744073709551616"),
        ("a: " + "9" * 5000, 1, 1, "a number beyond 64 bits"),
        ("a: x: y\n---\nb: 1\n", 1, 1, "not YAML"),
        ("a: .inf\n", 1, 1, "JSON knows no such number: .inf"),
        ("a: !!int x\n", 1, 1, "'x' is no int"),
        ("a: !!binary '*'\n", 1, 1, "!!binary that is not base64"),
        ("x: &x [{a: 1}]\ny: {<<: *x}\n", 1, 2, "<< merges mappings only"),
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


def test_a_bomb_of_mappings_is_found_before_it_is_built():
    text = "a0: &a0 {k: v, l: w}\n" + "".join(f"a{n}: &a{n} {{k: *a{n - 1}, l: *a{n - 1}}}\n" for n in range(1, 60))
    with pytest.raises(ManifestError, match="more than 250,000 values"):
        read_text(text)


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
    (tmp_path / "e.json").write_text('{"a": 1,\n"b" 2}')
    with pytest.raises(ManifestError, match=r"e.json, document 1, line 2: column 5: not JSON"):
        read_manifests(tmp_path)
    (tmp_path / "e.json").unlink()
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "f.yml").write_text("kind: F\n")
    (tmp_path / "below" / "circle").symlink_to(tmp_path, target_is_directory=True)
    found = [manifest.content["kind"] for manifest in read_manifests(tmp_path, recursive=True)]
    assert found == ["A", "B", "F", "C"]
    with pytest.raises(ManifestError, match="none: cannot be read: No such file"):
        read_manifests(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ManifestError, match=r"no files named \*.json, \*.yaml, \*.yml"):
        read_manifests(tmp_path / "empty")


def test_libyaml_reads_where_pyyaml_has_it(request):
    if request.node.callspec.params["_reader"] == "libyaml":
        assert parsing._Quick is yaml.cyaml.CParser


def test_both_readers_say_the_same_of_every_place():
    text = "# c\nkind: A\nb:\n- c: 1\n- {d: [1,\n  2]}\ne: &x\n  f: 1\ng: *x\n"
    found = parsing.spots(text)
    assert [(key, line, value.line) for key, line, value in found.fields] == [
        ("kind", 2, 2), ("b", 3, 4), ("e", 7, 7), ("g", 9, 9),
    ]  # fmt: skip
    second = found.fields[1][2].items[1]
    assert [item.line for item in second.fields[0][2].items] == [5, 6]
    assert found.fields[3][2].fields == found.fields[2][2].fields
    assert parsing.spots("a: [") is None
