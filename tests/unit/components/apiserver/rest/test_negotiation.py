"""In which form a client is answered."""

import pytest

from reconcile.components.apiserver.rest import HttpRequest
from reconcile.components.apiserver.rest.negotiation import Accepted, accepted, is_pretty, routed

META = "v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", Accepted("json")),
        ("*/*", Accepted("json")),
        ("application/yaml", Accepted("yaml")),
        ("application/xml;q=1, application/json;q=0.5", Accepted("json")),
        ("application/json;q=0.1,application/vnd.kubernetes.protobuf", Accepted("protobuf")),
        ("application/json;pretty=1", Accepted("json", pretty=True)),
        ("application/xml", None),
        (f"application/json;as=Table;{META}", Accepted("json", "Table", "meta.k8s.io", "v1")),
        (f"application/vnd.kubernetes.protobuf;as=Table;{META}", None),
        (f"application/vnd.kubernetes.protobuf;as=Table;{META},application/json", Accepted("json")),
        ("application/json;as=Table;v=v1;g=x", None),
        (f"application/json;as=Chair;{META}", None),
        ("application/json;g=x", None),
        ("application/json;stream=watch", Accepted("json")),
        ("application/yaml;stream=watch", None),
        ("application/json;sv=v1", None),
    ],
)
def test_the_best_clause_that_can_be_served_is_taken(header, found):
    assert accepted(header) == found


def test_a_watch_has_no_yaml():
    assert accepted("application/yaml", stream=True) is None
    assert accepted("application/json", stream=True) == Accepted("json")


@pytest.mark.parametrize(
    ("method", "verb", "headers", "code"),
    [
        ("GET", "get", {}, None),
        ("GET", "get", {"accept": "application/*"}, 406),
        ("GET", "get", {"accept": "application/json;stream=watch"}, None),
        ("GET", "get", {"accept": "text/html, */*"}, None),
        ("PATCH", "patch", {"content-type": "application/json"}, 415),
        ("PATCH", "patch", {"content-type": "application/merge-patch+json; charset=utf-8"}, None),
        ("POST", "create", {"accept": "application/xml"}, 415),
    ],
)
def test_the_router_knows_no_ranges(method, verb, headers, code):
    found = routed(HttpRequest(method=method, path="/", headers=tuple(headers.items())), verb)
    assert (found[0] if found else None) == code


@pytest.mark.parametrize(
    ("query", "agent", "pretty"),
    [
        ((), "kubectl/1.36", False),
        ((), "curl/8", True),
        ((("pretty", "true"),), "", True),
        ((("pretty", "false"),), "curl/8", False),
        ((("pretty", "maybe"),), "Mozilla/5.0 (X11)", False),
    ],
)
def test_humans_get_json_with_lines(query, agent, pretty):
    http = HttpRequest(method="GET", path="/", query=query, headers=(("user-agent", agent),))
    assert is_pretty(Accepted("json"), http) is pretty
