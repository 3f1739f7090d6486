"""
Options: what a query says beside the path, for each verb.

Source:   https://kubernetes.io/docs/reference/using-api/api-concepts/; CreateOptions, UpdateOptions, PatchOptions,
          DeleteOptions, GetOptions, ListOptions of meta.k8s.io/v1.
Left out: see docs/limits.md, "REST".
"""

from __future__ import annotations

import re
from typing import Any, Final

from reconcile.api import meta_v1
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.rest.values import HttpRequest
from reconcile.model import statuses

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,40}")
_LARGEST: Final = (1 << 63) - 1
_DELETING: Final = ("gracePeriodSeconds", "propagationPolicy", "orphanDependents", "dryRun")


def reading_options(http: HttpRequest) -> dict[str, Any]:
    """Give what get, list and watch take from the query, as fields of a Request."""
    return {
        "label_selector": http.parameter("labelSelector"),
        "field_selector": http.parameter("fieldSelector"),
        "limit": _number(http, "limit"),
        "continue_": http.parameter("continue"),
        "resource_version": http.parameter("resourceVersion"),
        "resource_version_match": http.parameter("resourceVersionMatch"),
        "bookmarks": _truth(http, "allowWatchBookmarks"),
        "initial_events": _truth(http, "sendInitialEvents") if http.parameter("sendInitialEvents") else None,
        "timeout_seconds": _number(http, "timeoutSeconds"),
    }


def writing_options(http: HttpRequest) -> dict[str, Any]:
    """Give what create, update and patch take from the query, as fields of a Request."""
    return {
        "field_manager": who_writes(http),
        "dry_run": _dry_run(http),
        "field_validation": http.parameter("fieldValidation"),
        "force": _truth(http, "force"),
    }


def deleting_options(http: HttpRequest, body: meta_v1.DeleteOptions | None) -> dict[str, Any]:
    """Give what delete and deletecollection take from the body, or without one from the query, for a Request."""
    if body is None:
        said = {key for key, _ in http.query}
        dry_run = tuple([value for key, value in http.query if key == "dryRun"])
        if said.intersection(_DELETING):
            body = meta_v1.DeleteOptions(
                grace_period_seconds=_number(http, "gracePeriodSeconds") if "gracePeriodSeconds" in said else None,
                propagation_policy=http.parameter("propagationPolicy") if "propagationPolicy" in said else None,
                orphan_dependents=_truth(http, "orphanDependents") if "orphanDependents" in said else None,
                dry_run=dry_run or None,
            )
    dry = body is not None and bool(body.dry_run)
    return {**reading_options(http), "body": body, "dry_run": dry}


def who_writes(http: HttpRequest) -> str:
    """Give who is named as the manager of what is written: who is said, or the client's program."""
    return http.parameter("fieldManager") or http.header("user-agent").partition("/")[0][:128]


def is_watch(http: HttpRequest) -> bool:
    """Tell whether the query asks for a watch."""
    return _truth(http, "watch")


def _dry_run(http: HttpRequest) -> bool:
    asked = [value for key, value in http.query if key == "dryRun"]
    return bool(asked) and asked == ["All"] * len(asked)


def _truth(http: HttpRequest, name: str) -> bool:
    """Tell whether a query says yes; whatever it says beside `false` and `0` is that."""
    for key, value in http.query:
        if key == name:
            return value.lower() not in ("false", "0")
    return False


def _number(http: HttpRequest, name: str) -> int:
    text = http.parameter(name)
    if not text:
        return 0
    if not _NUMBER.fullmatch(text):
        raise Refusal(statuses.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax'))
    if not -_LARGEST - 1 <= int(text) <= _LARGEST:
        raise Refusal(statuses.bad_request(f'strconv.ParseInt: parsing "{text}": value out of range'))
    return int(text)
