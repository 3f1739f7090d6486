"""
Auditing: what is written down of a request, and how much of it, as a policy says.

Takes:    an audit.k8s.io/v1 Policy; a request, who asked, what it came to.
Gives:    audit.k8s.io/v1 Events as plain JSON.
Source:   https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/; apiserver/pkg/audit.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import attrs

from reconcile.api import convert, golang
from reconcile.api.scalars import MicroTime, thaw
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.model.patches import ofstatus
from reconcile.model.requests import List, Request, Response, User

LEVELS: Final = ("None", "Metadata", "Request", "RequestResponse")
STAGES: Final = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")
_API_VERSION: Final = "audit.k8s.io/v1"
_RULE: Final = {
    "level": str,
    "users": list,
    "userGroups": list,
    "verbs": list,
    "resources": list,
    "namespaces": list,
    "nonResourceURLs": list,
    "omitStages": list,
    "omitManagedFields": bool,
}
_POLICY: Final = ("apiVersion", "kind", "metadata", "rules", "omitStages", "omitManagedFields")
_REFUSED: Final = 400


@attrs.frozen(kw_only=True)
class Subject:
    """
    What a request is, as far as a policy asks.

    Args:
        user: who asks.
        verb: of the API, or the method in small letters.
        path: what is asked for, without a query; only of what leads to no resource is it looked at.
        group: of the resource.
        version: of the group.
        resource: its name; empty for what leads to none.
        subresource: of it.
        namespace: of the object.
        name: of the object.
    """

    user: User
    verb: str
    path: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


@attrs.frozen(kw_only=True)
class Audited:
    """
    How much of a request is written down.

    Args:
        level: one of LEVELS.
        omitted: the stages of which nothing is.
        without_managers: whether managed fields are left out of objects.
    """

    level: str
    omitted: tuple[str, ...] = ()
    without_managers: bool = False

    @property
    def shows_request(self) -> bool:
        """Whether what was sent is written down."""
        return self.level in ("Request", "RequestResponse")

    def writes(self, stage: str) -> bool:
        """Tell whether something is written down at a stage."""
        return self.level != "None" and stage not in self.omitted


_NOTHING: Final = Audited(level="None")


@lru_cache(maxsize=64)
def check(policy: Map[Any]) -> Map[Any]:
    """Give an audit policy if it is one; ReconcileError that says what in it cannot be."""
    if (policy.get("apiVersion"), policy.get("kind")) != (_API_VERSION, "Policy"):
        raise ReconcileError(f"audit policy: expected a Policy of {_API_VERSION}, found {thaw(policy)!r}")
    _check_known(policy, _POLICY, "")
    _check_stages(policy.get("omitStages"), "omitStages")
    rules = policy.get("rules")
    if not isinstance(rules, tuple) or not rules:
        raise ReconcileError("audit policy: rules: expected a list with at least one rule")
    for place, rule in enumerate(rules):
        path = f"rules[{place}]"
        if not isinstance(rule, Map):
            raise ReconcileError(f"audit policy: {path}: expected an object, found {rule!r}")
        _check_rule(rule, path)
    return policy


def _check_rule(rule: Map[Any], path: str) -> None:
    _check_known(rule, tuple(_RULE), path)
    for key, wanted in _RULE.items():
        given = rule.get(key)
        if given is not None and not isinstance(given, tuple if wanted is list else wanted):
            raise ReconcileError(f"audit policy: {path}.{key}: expected a {wanted.__name__}, found {given!r}")
    if rule.get("level") not in LEVELS:
        raise ReconcileError(f"audit policy: {path}.level: {rule.get('level')!r} is none of {', '.join(LEVELS)}")
    _check_stages(rule.get("omitStages"), f"{path}.omitStages")
    if rule.get("nonResourceURLs") and (rule.get("resources") or rule.get("namespaces")):
        said = "rules cannot apply to both regular resources and non-resource URLs"
        raise ReconcileError(f"audit policy: {path}.nonResourceURLs: {said}")
    for place, each in enumerate(rule.get("resources") or ()):
        if not isinstance(each, Map):
            raise ReconcileError(f"audit policy: {path}.resources[{place}]: expected an object, found {each!r}")
        _check_known(each, ("group", "resources", "resourceNames"), f"{path}.resources[{place}]")


def _check_known(given: Map[Any], known: Sequence[str], path: str) -> None:
    for key in given:
        if key not in known:
            where = f"{path}.{key}" if path else key
            raise ReconcileError(f"audit policy: {where}: unknown field; there are {', '.join(known)}")


def _check_stages(given: Any, path: str) -> None:
    for stage in given or ():
        if stage not in STAGES:
            raise ReconcileError(f"audit policy: {path}: {stage!r} is none of {', '.join(STAGES)}")


def audited(policy: Map[Any], subject: Subject) -> Audited:
    """Say how much of a request a policy wants written down: as the first rule says that is about it."""
    for rule in policy.get("rules") or ():
        if _is_about(rule, subject):
            omitted = (*(policy.get("omitStages") or ()), *(rule.get("omitStages") or ()))
            without = rule.get("omitManagedFields")
            without = policy.get("omitManagedFields") if without is None else without
            return Audited(level=rule["level"], omitted=omitted, without_managers=bool(without))
    return _NOTHING


def _is_about(rule: Map[Any], subject: Subject) -> bool:
    users, groups, verbs = rule.get("users"), rule.get("userGroups"), rule.get("verbs")
    if users and subject.user.name not in users:
        return False
    if groups and not any(each in groups for each in subject.user.groups):
        return False
    if verbs and subject.verb not in verbs:
        return False
    if rule.get("namespaces") or rule.get("resources"):
        return bool(subject.resource) and _has_resource(rule, subject)
    if rule.get("nonResourceURLs"):
        return not subject.resource and any(_covers(each, subject.path) for each in rule["nonResourceURLs"])
    return True


def _covers(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))


def _has_resource(rule: Map[Any], subject: Subject) -> bool:
    namespaces, wanted = rule.get("namespaces"), rule.get("resources")
    if namespaces and subject.namespace not in namespaces:
        return False
    if not wanted:
        return True
    combined = f"{subject.resource}/{subject.subresource}" if subject.subresource else subject.resource
    fits = ["*", combined, f"{subject.resource}/*"]
    fits += [f"*/{subject.subresource}"] if subject.subresource else []
    for each in wanted:
        if each.get("group", "") != subject.group:
            continue
        if not each.get("resources"):
            return True
        names = each.get("resourceNames")
        if any(name in fits for name in each["resources"]) and (not names or subject.name in names):
            return True
    return False


def begun(how: Audited, uid: str, subject: Subject, uri: str, received: Instant) -> dict[str, Any]:
    """Give the event of the stage RequestReceived, which those of the others go on from."""
    event = {
        "kind": "Event",
        "apiVersion": _API_VERSION,
        "level": how.level,
        "auditID": uid,
        "stage": "RequestReceived",
        "requestURI": uri,
        "verb": subject.verb,
        "user": requester_of(subject.user),
        "sourceIPs": [],
        "userAgent": "",
    }
    if subject.resource:
        event["objectRef"] = _reference(subject)
    at = MicroTime.at(received).text
    return {**event, "requestReceivedTimestamp": at, "stageTimestamp": at}


def ended(  # noqa: PLR0917 -- what an event is made of
    how: Audited,
    event: Mapping[str, Any],
    stage: str,
    request: Request | None,
    response: Response,
    at: Instant,
    annotations: Mapping[str, str],
) -> dict[str, Any]:
    """Give the event of a later stage."""
    made = {**event, "stage": stage, "responseStatus": _status(response), "stageTimestamp": MicroTime.at(at).text}
    if request is not None:
        body = _plain(how, request.body)
        metadata = body.get("metadata") if isinstance(body, dict) else None
        if "objectRef" in made and isinstance(metadata, dict) and request.verb != "patch":
            seen = {key: metadata[key] for key in ("name", "namespace", "uid", "resourceVersion") if metadata.get(key)}
            reference = made["objectRef"]
            made["objectRef"] = {**reference, **{key: each for key, each in seen.items() if not reference.get(key)}}
        if how.shows_request and body is not None:
            made["requestObject"] = body
    if how.level == "RequestResponse" and response.body is not None and stage == "ResponseComplete":
        made["responseObject"] = _plain(how, response.body)
    if annotations:
        made["annotations"] = dict(sorted(annotations.items()))
    return made


def requester_of(user: User) -> dict[str, Any]:
    """Give who asks, as an event says it."""
    made: dict[str, Any] = {"username": user.name} if user.name else {}
    made |= {"uid": user.uid} if user.uid else {}
    made |= {"groups": list(user.groups)} if user.groups else {}
    return made | ({"extra": {key: list(each) for key, each in user.extra.items()}} if user.extra else {})


def _reference(subject: Subject) -> dict[str, Any]:
    made = {
        "resource": subject.resource,
        "namespace": subject.namespace,
        "name": subject.name,
        "apiGroup": subject.group,
        "apiVersion": subject.version,
        "subresource": subject.subresource,
    }
    return {key: value for key, value in made.items() if value}


def _status(response: Response) -> dict[str, Any]:
    body = response.body
    if getattr(body, "kind", None) != "Status" or response.code < _REFUSED:
        return {"metadata": {}, "code": response.code}
    plain = golang.written(body)
    found: dict[str, Any] = {"metadata": {}, "status": plain.get("status"), "message": plain.get("message")}
    found |= {key: plain[key] for key in ("reason", "details") if plain.get(key)}
    return {key: value for key, value in found.items() if value is not None} | {"code": response.code}


def _plain(how: Audited, body: Any) -> Any:
    if isinstance(body, List):
        items = [_plain(how, item) for item in body.items]
        metadata = {"resourceVersion": body.resource_version}
        return {"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items}
    if isinstance(body, (str, bytes)):
        return _patch(body)
    if body is None or isinstance(body, (Map, tuple)):
        return thaw(body)
    if isinstance(body, ofstatus.StatusPatch):
        return ofstatus.written(body)
    plain = golang.written(body)
    if how.without_managers and isinstance(plain.get("metadata"), dict):
        plain = {**plain, "metadata": {key: each for key, each in plain["metadata"].items() if key != "managedFields"}}
    return plain


def _patch(body: str | bytes) -> Any:
    """Give a patch as JSON; its text if it is none."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    try:
        return convert.loads_json(text)
    except ReconcileError:
        return text
