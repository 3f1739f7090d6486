"""Reading: lists by selector, in chunks, as of a revision."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import convert
from reconcile.model import selectors
from reconcile.store import compact


@pytest.fixture
def filled(server, pod):
    for place in range(7):
        pod["metadata"] = {"name": f"p{place}", "labels": {"app": "ab"[place % 2], "n": str(place)}}
        server.made("pods", pod)
    return server


def names(response):
    return [each.metadata.name for each in response.body.items]


@pytest.mark.parametrize(
    ("label", "field", "expected"),
    [
        ("app=a", "", ["p0", "p2", "p4", "p6"]),
        ("app=a,n!=2", "", ["p0", "p4", "p6"]),
        ("app notin (a)", "", ["p1", "p3", "p5"]),
        ("!app", "", []),
        ("", "metadata.name=p3", ["p3"]),
        ("app=a", "metadata.name=p3", []),
        ("", "metadata.name!=p3,status.phase=Pending,spec.nodeName=", ["p0", "p1", "p2", "p4", "p5", "p6"]),
        ("", "spec.nodeName=n1", []),
    ],
)
def test_selectors_select(filled, label, field, expected):
    assert names(filled("list", "pods", "default", label_selector=label, field_selector=field)) == expected
    everywhere = filled("list", "pods", label_selector=label, field_selector=field)
    assert names(everywhere) == expected


def test_bad_selectors_are_bad_requests(filled):
    assert filled("list", "pods", label_selector="app=(").code == 400
    assert filled("list", "pods", field_selector="spec.shoes=1").body.message == "field label not supported: spec.shoes"
    assert filled("list", "configmaps", field_selector="spec.shoes=1").body.message == (
        '"spec.shoes" is not a known field selector: only "metadata.name", "metadata.namespace"'
    )


def test_chunks_are_of_one_revision(filled, pod):
    first = filled("list", "pods", "default", limit=3)
    assert (names(first), first.body.remaining) == (["p0", "p1", "p2"], 4)
    pod["metadata"] = {"name": "p55"}
    filled.made("pods", pod)
    filled("delete", "pods", "default", "p4")
    second = filled("list", "pods", "default", limit=3, continue_=first.body.continue_)
    assert names(second) == ["p3", "p4", "p5"]
    third = filled("list", "pods", "default", limit=3, continue_=second.body.continue_)
    assert (names(third), third.body.continue_) == (["p6"], "")
    assert third.body.resource_version == first.body.resource_version


@pytest.mark.parametrize(
    "token", ["x!", "é", *[base64.b64encode(text).decode() for text in (b"[" * 99_999, b'{"rv":-5,"start":""}', b"{}")]]
)
def test_tokens_that_are_none_are_refused(filled, token):
    assert filled("list", "pods", continue_=token).code == 400


def test_a_token_says_the_revision_itself(filled):
    token = filled("list", "pods", limit=1).body.continue_
    message = filled("list", "pods", continue_=token, resource_version="3").body.message
    assert message == "specifying resource version is not allowed when using continue"


@pytest.mark.parametrize(
    ("version", "fault"),
    [("abc", "invalid syntax"), ("-1", "invalid syntax"), ("٣", "invalid syntax"), ("9" * 5000, "value out of range")],
)
@pytest.mark.parametrize("verb", ["list", "watch"])
def test_versions_that_are_none_are_refused(filled, verb, version, fault):
    response = filled(verb, "pods", resource_version=version)
    assert response.code == (400 if verb == "list" else 500)
    assert response.body.message.endswith(fault)


def test_a_watch_begins_where_nothing_is_forgotten(filled):
    filled.store = compact(filled.store, filled.store.revision - 1)
    now = filled.store.revision
    assert filled("watch", "configmaps", resource_version=str(now)).code == 200
    assert filled("watch", "pods", resource_version=str(now - 1)).code == 200
    assert filled("watch", "pods", resource_version=str(now - 2)).reason == "Expired"


def test_future_revision_is_a_timeout(filled):
    response = filled("get", "pods", "default", "p1", resource_version="99999")
    assert (response.code, response.reason) == (504, "Timeout")


def test_what_is_not_served_is_not_found(server):
    assert server("list", "shoes").body.message == "the server could not find the requested resource"
    response = server("update", "componentstatuses", name="x")
    assert (response.code, response.reason) == (405, "MethodNotAllowed")
    assert response.body.message == "the server does not allow this method on the requested resource"
    assert server("update", "configmaps", "default", "x", subresource="status").code == 404


_requirements = st.sampled_from(["a", "!a", "a=x", "a==y", "a!=x", "a in (x,y)", "a notin (x,z)", "b=x", "b", "a="])
_labels = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "x", "y", "z"]))


def _dumb(text, labels):
    """What one requirement's text means, by string surgery alone."""
    if text.startswith("!"):
        return text[1:] not in labels
    for word in (" notin ", " in "):
        if word in text:
            key, _, rest = text.partition(word)
            return (labels.get(key) in rest.strip("()").split(",")) is (word == " in ")
    if "!=" in text:
        key, _, value = text.partition("!=")
        return labels.get(key) != value
    if "=" in text:
        key, _, value = text.replace("==", "=").partition("=")
        return key in labels and labels[key] == value
    return text in labels


@given(st.lists(_requirements, max_size=4), _labels)
def test_selection_is_what_the_words_say(texts, labels):
    parsed = selectors.parse_labels(",".join(texts))
    assert selectors.fits(parsed, labels) is all(_dumb(text, labels) for text in texts)
    assert selectors.parse_labels(selectors.text_of(parsed)) == parsed


def test_everything_read_is_json(filled):
    for each in filled("list", "pods").body.items:
        assert convert.load(convert.dump(each)).object == each
