"""
Checking: which options of get, list and watch go together.

Takes:    Request.
Gives:    nothing, or a Refusal with upstream's causes.
Source:   apimachinery's validation of ListOptions;
          https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
Left out: nothing known.
"""

from __future__ import annotations

import json
from typing import Final

from reconcile.components.apiserver.refusals import Causes, Refusal, forbidden, not_supported, refuse_invalid
from reconcile.components.apiserver.state import Ask
from reconcile.model import statuses
from reconcile.model.requests import Request

_LARGEST: Final = (1 << 64) - 1
_LONGEST: Final = 64  # leading zeros among them
_MATCH: Final = "resourceVersionMatch"
_EXACT: Final = "Exact"
_NOT_OLDER: Final = "NotOlderThan"


def check_list(request: Request) -> None:
    """Refuse with 422 the options of a list that contradict each other."""
    match, causes = request.resource_version_match, Causes()
    if match:
        if not request.resource_version:
            causes += (forbidden(_MATCH, f"{_MATCH} is forbidden unless resourceVersion is provided"),)
        if request.continue_:
            causes += (forbidden(_MATCH, f"{_MATCH} is forbidden when continue is provided"),)
        if match not in (_EXACT, _NOT_OLDER):
            causes += (not_supported(_MATCH, match, (_EXACT, _NOT_OLDER, "")),)
        if match == _EXACT and request.resource_version == "0":
            causes += (forbidden(_MATCH, f'{_MATCH} "exact" is forbidden for resourceVersion "0"'),)
    if request.initial_events is not None:
        causes += (forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"),)
    refuse_invalid("ListOptions", "meta.k8s.io/v1", "", causes)


def check_watch(request: Request) -> None:
    """Refuse with 422 the options of a watch that contradict each other."""
    match, causes = request.resource_version_match, Causes()
    if request.initial_events is not None and match != _NOT_OLDER:
        causes += (forbidden(_MATCH, f"sendInitialEvents requires setting {_MATCH} to {_NOT_OLDER}"),)
    if match:
        if request.initial_events is None:
            causes += (forbidden(_MATCH, f"{_MATCH} is forbidden for watch unless sendInitialEvents is provided"),)
        if match != _NOT_OLDER:
            causes += (not_supported(_MATCH, match, (_NOT_OLDER,)),)
        if request.continue_:
            causes += (forbidden(_MATCH, f"{_MATCH} is forbidden when continue is provided"),)
    refuse_invalid("ListOptions", "meta.k8s.io/v1", "", causes)


def check_version(ask: Ask) -> None:
    """Refuse a resource version that is no number, or that has not come yet."""
    text = ask.request.resource_version
    if text and version_of(ask.request) > ask.store.revision:
        raise Refusal(statuses.too_large_version(int(text), ask.store.revision))


def version_of(request: Request) -> int:
    """Give the resource version that a request names; refuse one that is no number."""
    text = request.resource_version
    fault = ""
    if not (text.isascii() and text.isdecimal()):
        fault = "invalid syntax"
    elif len(text) > _LONGEST or int(text) > _LARGEST:
        fault = "value out of range"
    if not fault:
        return int(text)
    quoted = json.dumps(text)
    said = f"resourceVersion: Invalid value: {quoted}: strconv.ParseUint: parsing {quoted}: {fault}"
    if request.verb not in ("list", "deletecollection"):
        raise Refusal(statuses.unexplained(said))
    raise Refusal(statuses.bad_request(f"invalid resource version: {said}"))
