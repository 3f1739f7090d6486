"""Checking: options of lists and watches that contradict each other, in upstream's words."""

import pytest

FORBIDDEN = "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden"
ONLY = 'resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"'


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resource_version_match": "Exact"}, f"{FORBIDDEN} unless resourceVersion is provided"),
        (
            {"resource_version_match": "Exact", "resource_version": "0"},
            'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
        ),
        (
            {"resource_version_match": "Newer", "resource_version": "3"},
            'resourceVersionMatch: Unsupported value: "Newer": supported values: "Exact", "NotOlderThan", ""',
        ),
        (
            {"resource_version_match": "Exact", "continue_": "x"},
            f"[{FORBIDDEN} unless resourceVersion is provided, {FORBIDDEN} when continue is provided]",
        ),
        ({"initial_events": False}, "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"),
    ],
)
def test_a_list_is_refused(server, options, message):
    body = server("list", "configmaps", **options).body
    assert (body.code, body.message) == (422, f'ListOptions.meta.k8s.io "" is invalid: {message}')
    assert body.details.name is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"initial_events": True},
            "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ),
        (
            {"resource_version_match": "Exact"},
            f"[{FORBIDDEN} for watch unless sendInitialEvents is provided, {ONLY}]",
        ),
        (
            {"resource_version_match": "NotOlderThan", "initial_events": True, "continue_": "x"},
            f"{FORBIDDEN} when continue is provided",
        ),
    ],
)
def test_a_watch_is_refused(server, options, message):
    body = server("watch", "configmaps", **options).body
    assert (body.code, body.message) == (422, f'ListOptions.meta.k8s.io "" is invalid: {message}')


def test_versions_yet_to_come(server):
    assert server("list", "configmaps", resource_version="999").code == 504
    assert server("list", "configmaps", resource_version="999", resource_version_match="Exact").code == 504
    assert server("get", "namespaces", "", "default", resource_version="999").code == 504
    # A watch waits for what is to come, unless it is to begin with what is there by then.
    assert server("watch", "configmaps", resource_version="999").code == 200
    options = {"initial_events": True, "resource_version_match": "NotOlderThan"}
    assert server("watch", "configmaps", resource_version="999", **options).code == 504
