"""
The lines that `-v` prints, on standard error as kubectl does: which requests were made, and what they held.

Source:   kubectl's -v 6 (request lines), -v 8 (bodies, shortened), -v 9 (bodies, and curl's words for the request).
Left out: the time and place that klog puts before each line.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from reconcile.api.convert import dump
from reconcile.api.kinds import resource
from reconcile.api.scalars import thaw
from reconcile.driver.telling.describe import method_of, path_of
from reconcile.lib.digest import canonical
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MILLISECOND, Duration
from reconcile.lib.mapping import Map
from reconcile.model.patches.ofstatus import StatusPatch, written
from reconcile.model.requests import List, Request, Response

_LINES: Final = 6
_BODIES: Final = 8
_WHOLE: Final = 9
_SHORT: Final = 1024
_WORDS: Final = {422: "Unprocessable Entity"}  # as Go says it; Python's word for it has changed


def request_text(verbosity: int, request: Request, response: Response, took: Duration) -> str:
    """Give the lines that a verbosity asks for of a request and its answer; empty if none."""
    if verbosity < _LINES:
        return ""
    lines = []
    sent, got = body_text(request.body), answer_text(request.resource, response.body)
    if verbosity >= _BODIES and sent:
        lines.append(f"Request Body: {_shown(sent, verbosity)}")
    if verbosity >= _WHOLE:
        kind = "application/merge-patch+json" if request.verb == "patch" else "application/json"
        content = f'-H "Content-Type: {kind}" ' if sent else ""
        path = path_of(request)
        lines.append(f"curl -v -X{method_of(request)} -H \"Accept: application/json\" {content}'{path}'")
    lines.append(request_line(request, response, took))
    if verbosity >= _BODIES:
        lines.append(f"Response Body: {_shown(got, verbosity)}")
    return "\n".join(lines)


def request_line(request: Request, response: Response, took: Duration) -> str:
    """Give `POST /api/v1/namespaces/default/pods 201 Created in 13 milliseconds`."""
    code = response.code
    phrase = _WORDS.get(code) or HTTPStatus(code).phrase
    return f"{method_of(request)} {path_of(request)} {code} {phrase} in {took // MILLISECOND} milliseconds"


def body_text(body: Any) -> str:
    """Give a body as JSON."""
    if body is None:
        return ""
    if isinstance(body, StatusPatch):
        return canonical(written(body))
    return canonical(thaw(body) if isinstance(body, Map | tuple) else dump(body))


def answer_text(key: str, body: Any) -> str:
    """Give an answer's body as JSON."""
    if not isinstance(body, List):
        return body_text(body)
    items = [dump(item) for item in body.items]
    try:
        found = resource(key)
    except ReconcileError:
        return canonical({"items": items})
    head = {"apiVersion": found.api_version, "kind": f"{found.kind}List"}
    return canonical({**head, "metadata": {"resourceVersion": body.resource_version}, "items": items})


def _shown(text: str, verbosity: int) -> str:
    if verbosity >= _WHOLE or len(text) <= _SHORT:
        return text
    return f"{text[:_SHORT]} [truncated {len(text) - _SHORT} chars]"
