"""What a query says beside the path, and what of it is refused."""

import pytest

from reconcile.api import meta_v1
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.rest import HttpRequest, options


def _http(*query):
    return HttpRequest(method="GET", path="/", query=query)


@pytest.mark.parametrize(
    ("kind", "query", "said"),
    [
        ("CreateOptions", [("dryRun", "all")], 'dryRun: Unsupported value: ["all"]: supported values: "All"'),
        ("UpdateOptions", [("dryRun", "")], 'dryRun: Unsupported value: [""]: supported values: "All"'),
        (
            "CreateOptions",
            [("fieldValidation", "strict")],
            'fieldValidation: Unsupported value: "strict": supported values: "", "Ignore", "Strict", "Warn"',
        ),
        ("CreateOptions", [("fieldManager", "a" * 129)], "fieldManager: Too long: may not be more than 128 bytes"),
        (
            "CreateOptions",
            [("fieldManager", "é\x01")],
            'fieldManager: Invalid value: "é\\x01": invalid character U+0001 (at position 2)',
        ),
        ("PatchOptions", [("force", "false")], "force: Forbidden: may not be specified for non-apply patch"),
    ],
)
def test_options_of_writing_that_are_wrong_are_invalid(kind, query, said):
    with pytest.raises(Refusal) as caught:
        options.writing_options(_http(*query), kind)
    assert caught.value.response.code == 422
    assert caught.value.response.body.message == f'{kind}.meta.k8s.io "" is invalid: {said}'


def test_an_apply_needs_a_manager():
    with pytest.raises(Refusal, match="fieldManager: Required value: is required for apply patch"):
        options.writing_options(_http(), "PatchOptions", applies=True)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (("propagationPolicy", "Foo"), 'Unsupported value: "Foo": supported values: "Foreground", "Background"'),
        (("dryRun", "x"), 'dryRun: Unsupported value: ["x"]: supported values: "All"'),
    ],
)
def test_options_of_deleting_that_are_wrong_are_invalid(query, said):
    with pytest.raises(Refusal) as caught:
        options.deleting_options(_http(query), None)
    assert said in caught.value.response.body.message


def test_of_a_delete_the_body_counts_before_the_query():
    body = meta_v1.DeleteOptions(grace_period_seconds=5)
    assert options.deleting_options(_http(("gracePeriodSeconds", "1")), body)["body"] == body
    found = options.deleting_options(_http(("gracePeriodSeconds", "1"), ("dryRun", "All")), None)
    assert found["body"].grace_period_seconds == 1
    assert found["dry_run"]
    assert options.deleting_options(_http(), None)["body"] is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", 'parsing "x": invalid syntax'),
        ("", 'parsing "": invalid syntax'),
        ("1.5", 'parsing "1.5": invalid syntax'),
        ("9" * 20, f'parsing "{"9" * 20}": value out of range'),
        ("9" * 5000, "value out of range"),
    ],
)
def test_numbers_are_read_as_go_reads_them(text, said):
    with pytest.raises(Refusal, match=r"strconv\.ParseInt: ") as caught:
        options.reading_options(_http(("limit", text)))
    assert said in caught.value.response.body.message


@pytest.mark.parametrize(
    ("text", "truth"), [("", True), ("1", True), ("no", True), ("0", False), ("false", False), ("FALSE", False)]
)
def test_truth_is_all_that_is_not_false(text, truth):
    assert options.is_watch(_http(("watch", text))) is truth


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ([("sendInitialEvents", "true")], "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"),
        ([("resourceVersionMatch", "Exact")], "resourceVersionMatch is forbidden unless resourceVersion is provided"),
        ([("watch", "1"), ("sendInitialEvents", "1")], "requires setting resourceVersionMatch to NotOlderThan"),
        ([("watch", "1"), ("resourceVersionMatch", "Exact")], "forbidden for watch unless sendInitialEvents is"),
    ],
)
def test_options_of_reading_that_do_not_go_together_are_invalid(query, said):
    with pytest.raises(Refusal) as caught:
        options.reading_options(_http(*query))
    assert said in caught.value.response.body.message
