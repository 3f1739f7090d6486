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
from reconcile.api.unmarshalling import quoted
from reconcile.components.apiserver.refusals import (
    Cause,
    Causes,
    Refusal,
    forbidden,
    not_supported,
    required,
    too_long,
    wrong,
)
from reconcile.components.apiserver.rest.values import HttpRequest
from reconcile.lib.errors import ReconcileError
from reconcile.model import selectors, statuses

_NUMBER: Final = re.compile(r"[+-]?[0-9]+")
_MOST: Final = (1 << 63) - 1
_DIGITS: Final = 40  # more than any number of 64 bits has, zeros before it included
_LONGEST: Final = 128  # bytes of a manager's name
_VALIDATIONS: Final = ("", "Ignore", "Strict", "Warn")
_MATCH: Final = "resourceVersionMatch"
_POLICIES: Final = ("Foreground", "Background", "Orphan", "nil")


def reading_options(http: HttpRequest, *, listing: bool = True, watching: bool = False) -> dict[str, Any]:
    """
    Give what get, and if *listing* list and watch, take from the query, as fields of a Request.

    Args:
        http: the request.
        listing: whether it lists, or watches.
        watching: whether it watches, whatever the query says.
    """
    initial = _given(http, "sendInitialEvents") is not None
    found = {
        "label_selector": http.parameter("labelSelector"),
        "field_selector": http.parameter("fieldSelector"),
        "limit": max(_number(http, "limit"), 0),
        "continue_": http.parameter("continue"),
        "resource_version": http.parameter("resourceVersion"),
        "resource_version_match": http.parameter("resourceVersionMatch"),
        "bookmarks": _truth(http, "allowWatchBookmarks"),
        "initial_events": _truth(http, "sendInitialEvents") if initial else None,
        "timeout_seconds": max(_number(http, "timeoutSeconds"), 0),
    }
    if (initial or found["resource_version_match"]) and listing:
        causes = _causes_of_watching(found) if is_watch(http) or watching else _causes_of_listing(found)
        if causes:
            raise Refusal(statuses.invalid("meta.k8s.io", "ListOptions", "", causes))
    return found


def named(name: str, selector: str) -> str:
    """
    Give the field selector of a watch of one object by its path, beside which a query may only say the same.

    Raises:
        Refusal: 400, *selector* selects otherwise.
    """
    try:
        terms = selectors.parse_fields(selector)
    except ReconcileError as error:
        raise Refusal(statuses.bad_request(str(error))) from None
    exact = [term.value for term in terms if term.field == "metadata.name" and term.operator == "="]
    if terms and exact[:1] != [name]:
        raise Refusal(statuses.bad_request("fieldSelector metadata.name doesn't match requested name"))
    return selector or f"metadata.name={name}"


def writing_options(http: HttpRequest, kind: str, *, applies: bool = False) -> dict[str, Any]:
    """
    Give what create, update and patch take from the query, as fields of a Request.

    Args:
        http: the request.
        kind: CreateOptions, UpdateOptions or PatchOptions: what refuses them.
        applies: whether it is a patch that is applied.
    """
    patches = kind == "PatchOptions"
    if causes := _causes_of_writing(http, patches=patches, applies=applies):
        raise Refusal(statuses.invalid("meta.k8s.io", kind, "", causes))
    return {
        "field_manager": who_writes(http),
        "dry_run": _dry_run(http),
        "field_validation": http.parameter("fieldValidation"),
        "force": patches and _truth(http, "force"),
    }


def deleting_options(http: HttpRequest, body: meta_v1.DeleteOptions | None, *, many: bool = False) -> dict[str, Any]:
    """Give what delete and deletecollection take from the body, else from the query, as fields of a Request."""
    if body is None:
        grace, orphan = _given(http, "gracePeriodSeconds"), _given(http, "orphanDependents")
        read = meta_v1.DeleteOptions(
            grace_period_seconds=_number(http, "gracePeriodSeconds") if grace is not None else None,
            propagation_policy=_given(http, "propagationPolicy"),
            orphan_dependents=_truth(http, "orphanDependents") if orphan is not None else None,
            preconditions=_preconditions(http),
            dry_run=tuple([value for key, value in http.query if key == "dryRun"]) or None,
        )
        body = read if read != meta_v1.DeleteOptions() else None
    if body is not None and (causes := _causes_of_deleting(body)):
        raise Refusal(statuses.invalid("meta.k8s.io", "DeleteOptions", "", causes))
    dry = body is not None and bool(body.dry_run)
    reading = reading_options(http) if many else {}
    return {**reading, "body": body, "dry_run": dry}


def _preconditions(http: HttpRequest) -> meta_v1.Preconditions | None:
    """Give what a query says that an object must still be, if it is to go."""
    uid, version = http.parameter("uid"), http.parameter("resourceVersion")
    if not (uid or version):
        return None
    return meta_v1.Preconditions(uid=uid or None, resource_version=version or None)


def who_writes(http: HttpRequest) -> str:
    """Give who is named as the manager of what is written: who is said, or the client's program."""
    return http.parameter("fieldManager") or http.header("user-agent").partition("/")[0][:128]


def is_watch(http: HttpRequest) -> bool:
    """Tell whether the query asks for a watch."""
    return _truth(http, "watch")


def _dry_run(http: HttpRequest) -> bool:
    asked = [value for key, value in http.query if key == "dryRun"]
    return bool(asked) and asked == ["All"] * len(asked)


def _causes_of_writing(http: HttpRequest, *, patches: bool, applies: bool) -> Causes:
    manager = http.parameter("fieldManager")
    found: list[Cause] = []
    if applies and not manager:
        found.append(required("fieldManager", "is required for apply patch"))
    if patches and not applies and _given(http, "force") is not None:
        found.append(forbidden("force", "may not be specified for non-apply patch"))
    if len(manager.encode("utf-8", "replace")) > _LONGEST:
        found.append(too_long("fieldManager", _LONGEST))
    found += [
        wrong("fieldManager", manager, f"invalid character U+{ord(char):04X} (at position {_offset(manager, at)})")
        for at, char in enumerate(manager)
        if not char.isprintable()
    ]
    validation = http.parameter("fieldValidation")
    found += _causes_of_dry_run(tuple([value for key, value in http.query if key == "dryRun"]))
    if validation not in _VALIDATIONS:
        found.append(not_supported("fieldValidation", validation, _VALIDATIONS))
    return tuple(found)


def _causes_of_deleting(options: meta_v1.DeleteOptions) -> Causes:
    found: list[Cause] = []
    policy = options.propagation_policy
    if options.orphan_dependents is not None and policy is not None:
        said = "orphanDependents and deletionPropagation cannot be both set"
        found.append(wrong("propagationPolicy", policy, said))
    if policy is not None and policy not in _POLICIES:
        found.append(not_supported("propagationPolicy", policy, _POLICIES))
    return (*found, *_causes_of_dry_run(options.dry_run or ()))


def _causes_of_listing(asked: dict[str, Any]) -> Causes:
    match, found = asked["resource_version_match"], []
    if match:
        if not asked["resource_version"]:
            found.append(forbidden(_MATCH, "resourceVersionMatch is forbidden unless resourceVersion is provided"))
        if asked["continue_"]:
            found.append(forbidden(_MATCH, "resourceVersionMatch is forbidden when continue is provided"))
        if match not in ("Exact", "NotOlderThan"):
            found.append(not_supported(_MATCH, match, ("Exact", "NotOlderThan", "")))
        if match == "Exact" and asked["resource_version"] == "0":
            found.append(forbidden(_MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    if asked["initial_events"] is not None:
        found.append(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return tuple(found)


def _causes_of_watching(asked: dict[str, Any]) -> Causes:
    match, found = asked["resource_version_match"], []
    if asked["initial_events"] is not None and match != "NotOlderThan":
        found.append(forbidden(_MATCH, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
    if match:
        if asked["initial_events"] is None:
            said = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            found.append(forbidden(_MATCH, said))
        if match != "NotOlderThan":
            found.append(not_supported(_MATCH, match, ("NotOlderThan",)))
        if asked["continue_"]:
            found.append(forbidden(_MATCH, "resourceVersionMatch is forbidden when continue is provided"))
    return tuple(found)


def _causes_of_dry_run(asked: tuple[str, ...]) -> Causes:
    return () if all(value == "All" for value in asked) else (not_supported("dryRun", asked, ("All",)),)


def _offset(text: str, at: int) -> int:
    return len(text[:at].encode("utf-8", "replace"))


def _given(http: HttpRequest, name: str) -> str | None:
    """Give the first parameter of this name; None if there is none."""
    return next((value for key, value in http.query if key == name), None)


def _truth(http: HttpRequest, name: str) -> bool:
    text = _given(http, name)
    return text is not None and text != "0" and text.lower() != "false"


def _number(http: HttpRequest, name: str) -> int:
    text = _given(http, name)
    if text is None:
        return 0
    if not _NUMBER.fullmatch(text):
        raise Refusal(statuses.bad_request(f"strconv.ParseInt: parsing {quoted(text)}: invalid syntax"))
    if len(text) > _DIGITS or not -_MOST - 1 <= int(text) <= _MOST:
        raise Refusal(statuses.bad_request(f"strconv.ParseInt: parsing {quoted(text)}: value out of range"))
    return int(text)
