"""
Statuses: the API server's refusals, with the codes, reasons and words of Kubernetes.

Source:   apimachinery's api/errors and field errors.
Left out: nothing known.
"""

from __future__ import annotations

from reconcile.api import meta_v1
from reconcile.lib.replacing import replace

_NO_META = meta_v1.ListMeta()
_MEDIA_TYPES = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def success(resource: str, name: str, uid: str | None) -> meta_v1.Status:
    """Say that an object of *resource* is deleted."""
    plural, _, group = resource.partition(".")
    details = meta_v1.StatusDetails(name=name or None, group=group or None, kind=plural, uid=uid)
    return meta_v1.Status(metadata=_NO_META, status="Success", details=details)


def not_found(resource: str, name: str) -> meta_v1.Status:
    """404: `pods "x" not found`."""
    return _about(404, "NotFound", resource, name, f'{resource} "{name}" not found')


def no_such_metric(metric: str, of: str) -> meta_v1.Status:
    """Say that nothing is measured under this name *of* something."""
    return _status(404, "NotFound", f"the server could not find the metric {metric} for {of}")


def no_such_resource() -> meta_v1.Status:
    """404 for a path that nothing is served at."""
    return _status(404, "NotFound", "the server could not find the requested resource", meta_v1.StatusDetails())


def already_exists(resource: str, name: str, *, going: bool = False) -> meta_v1.Status:
    """409: `deployments.apps "x" already exists`; *going* if it is being deleted."""
    said = f'{resource} "{name}" already exists'
    return _about(409, "AlreadyExists", resource, name, f"object is being deleted: {said}" if going else said)


def not_generated(resource: str, name: str) -> meta_v1.Status:
    """409: every name that was drawn for generateName is taken."""
    said = f'{resource} "{name}" already exists, the server was not able to generate a unique name for the object'
    status = _about(409, "AlreadyExists", resource, name, said)
    assert status.details is not None, "it is about an object"
    return replace(status, details=replace(status.details, retry_after_seconds=1))


def conflict(resource: str, name: str, why: str = MODIFIED) -> meta_v1.Status:
    """409: `Operation cannot be fulfilled on pods "x": the object has been modified; ...`."""
    return _about(409, "Conflict", resource, name, f'Operation cannot be fulfilled on {resource} "{name}": {why}')


def apply_conflict(message: str, causes: tuple[meta_v1.StatusCause, ...]) -> meta_v1.Status:
    """409: an apply would change what other managers own."""
    return _status(409, "Conflict", message, meta_v1.StatusDetails(causes=causes))


def forbidden(resource: str, name: str, why: str) -> meta_v1.Status:
    """403: `pods "x" is forbidden: <why>`, without the name if there is none."""
    said = f'{resource} "{name}" is forbidden: {why}' if name else f"{resource} is forbidden: {why}"
    return _about(403, "Forbidden", resource, name, said)


def forbidden_path(said: str, why: str) -> meta_v1.Status:
    """403 at a path that leads to no resource: `forbidden: User "x" cannot get path "/metrics"`."""
    return _status(403, "Forbidden", f"forbidden: {said}" + (f": {why}" if why else ""), meta_v1.StatusDetails())


def unauthorized() -> meta_v1.Status:
    """401: nobody knows who asks."""
    return _status(401, "Unauthorized", "Unauthorized")


def invalid(group: str, kind: str, name: str, causes: tuple[meta_v1.StatusCause, ...]) -> meta_v1.Status:
    """422: `Pod "x" is invalid: spec.containers: Required value`, with every cause in its details."""
    texts: list[str] = []
    for cause in causes:
        text = f"{cause.field}: {cause.message}"
        if text not in texts:
            texts.append(text)
    qualified = f"{kind}.{group}" if group else kind
    said = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = meta_v1.StatusDetails(name=name or None, group=group or None, kind=kind or None, causes=causes)
    return _status(422, "Invalid", f'{qualified} "{name}" is invalid: {said}', details)


def bad_request(message: str) -> meta_v1.Status:
    """400: the request makes no sense."""
    return _status(400, "BadRequest", message)


def unprocessable() -> meta_v1.Status:
    """422: a JSON patch does not fit the object."""
    said = "the server rejected our request due to an error in our request"
    return _status(422, "Invalid", said, meta_v1.StatusDetails())


def unsupported_media_type(known: tuple[str, ...] = _MEDIA_TYPES) -> meta_v1.Status:
    """415: the body is in a form that nobody here reads."""
    said = f"the body of the request was in an unknown format - accepted media types include: {', '.join(known)}"
    return _status(415, "UnsupportedMediaType", said)


def not_supported(resource: str, verb: str) -> meta_v1.Status:
    """405: what a custom resource's objects have, in the words of its handler, knows no such verb."""
    kind, _, group = resource.partition(".")
    said = f'{verb} is not supported on resources of kind "{resource}"'
    return _status(405, "MethodNotAllowed", said, meta_v1.StatusDetails(group=group or None, kind=kind))


def not_acceptable(types: tuple[str, ...] = _MEDIA_TYPES, said: str = "") -> meta_v1.Status:
    """406: of *types* the client accepts none."""
    said = said or f"only the following media types are accepted: {', '.join(types)}"
    return _status(406, "NotAcceptable", said)


def not_routed(code: int, said: str) -> meta_v1.Status:
    """406 or 415 of the router: what the headers name leads to none of the path's ways."""
    reason = "NotAcceptable" if code == 406 else "UnsupportedMediaType"  # noqa: PLR2004 -- HTTP's own
    return _status(code, reason, said, meta_v1.StatusDetails())


def too_large_request(said: str) -> meta_v1.Status:
    """413: the body is more than is read."""
    return _status(413, "RequestEntityTooLarge", f"Request entity too large: {said}")


def no_representation(available: tuple[str, ...]) -> meta_v1.Status:
    """406: the client accepts none of the media types that are *available* where it asks."""
    said = f"406: Not Acceptable\n\nAvailable representations: {', '.join(available)}"
    return _status(406, "NotAcceptable", said, meta_v1.StatusDetails())


def method_not_allowed() -> meta_v1.Status:
    """405: the resource knows no such verb."""
    said = "the server does not allow this method on the requested resource"
    return _status(405, "MethodNotAllowed", said, meta_v1.StatusDetails())


def expired(
    message: str = "The resourceVersion for the provided list is too old.", *, continue_: str = ""
) -> meta_v1.Status:
    """410: what was asked for is compacted away; *continue_* goes on with what is there now."""
    found = _status(410, "Expired", message)
    return replace(found, metadata=meta_v1.ListMeta(continue_=continue_)) if continue_ else found


def too_large_version(asked: int, current: int) -> meta_v1.Status:
    """504: the client has seen a revision that this server has not."""
    said = f"Too large resource version: {asked}, current: {current}"
    causes = (meta_v1.StatusCause(reason="ResourceVersionTooLarge", message="Too large resource version"),)
    details = meta_v1.StatusDetails(retry_after_seconds=1, causes=causes)
    return _status(504, "Timeout", f"Timeout: {said}", details)


def unexplained(message: str) -> meta_v1.Status:
    """500: an error of which the server says no reason."""
    return _status(500, "", message)


def server_timeout(resource: str, verb: str, retry_after_seconds: int) -> meta_v1.Status:
    """500: the request did not come to an end in time; trying again is right."""
    plural, _, group = resource.partition(".")
    details = meta_v1.StatusDetails(group=group or None, kind=plural, retry_after_seconds=retry_after_seconds)
    said = f"The {verb} operation against {resource} could not be completed at this time, please try again."
    return _status(500, "ServerTimeout", said, details)


def timeout(said: str) -> meta_v1.Status:
    """504: the request has taken longer than it may."""
    return _status(504, "Timeout", f"Timeout: {said}", meta_v1.StatusDetails())


def too_many_requests(message: str, why: str, retry_after_seconds: int) -> meta_v1.Status:
    """429: a disruption budget allows no eviction for now."""
    causes = (meta_v1.StatusCause(reason="DisruptionBudget", message=why),)
    details = meta_v1.StatusDetails(retry_after_seconds=retry_after_seconds or None, causes=causes)
    return _status(429, "TooManyRequests", message, details)


def unavailable(message: str) -> meta_v1.Status:
    """503: nobody is there to answer."""
    return _status(503, "ServiceUnavailable", message, meta_v1.StatusDetails(retry_after_seconds=1))


def unreachable(message: str) -> meta_v1.Status:
    """503: nobody answers behind the server."""
    return _status(503, "ServiceUnavailable", message)


def unanswered(message: str) -> meta_v1.Status:
    """No code: nobody has answered, and Go's HTTP client says why."""
    return _status(0, "", message)


def unexpected(message: str) -> meta_v1.Status:
    """500 without a reason: an error that nobody gave one."""
    return _status(500, "", message)


def internal(message: str) -> meta_v1.Status:
    """500: something went wrong that is nobody's fault."""
    causes = (meta_v1.StatusCause(message=message),)
    details = meta_v1.StatusDetails(causes=causes)
    return _status(500, "InternalError", f"Internal error occurred: {message}", details)


def _about(code: int, reason: str, resource: str, name: str, message: str) -> meta_v1.Status:
    plural, _, group = resource.partition(".")
    details = meta_v1.StatusDetails(name=name or None, group=group or None, kind=plural)
    return _status(code, reason, message, details)


def _status(code: int, reason: str, message: str, details: meta_v1.StatusDetails | None = None) -> meta_v1.Status:
    return meta_v1.Status(
        metadata=_NO_META, status="Failure", message=message, reason=reason or None, details=details, code=code
    )
