"""
Paths: what a method and a path ask for.

    /api/v1/namespaces/NAMESPACE/RESOURCE/NAME/SUBRESOURCE/MORE
    /apis/GROUP/VERSION/...
    /api/v1/watch/namespaces/NAMESPACE/RESOURCE/NAME    (the old form of a watch)

A path may be understood though nothing is served there: authorisation comes before that is known.

Source:   https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.lib.quick import quick

_NAMESPACES_OWN: Final = ("status", "finalize")
_VERBS: Final = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_RESOURCE_AT: Final = 2  # api, version; then the resource
_OLD: Final = ("watch", "proxy")
"""Verbs that may stand in a path before the resource, whatever the method; behind `proxy` nothing is served."""


class NoResource(Exception):  # noqa: N818 -- it is an answer
    """The path names a verb, and nothing that it is about."""


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Target:
    """
    What a request is about.

    Args:
        path: the whole of it.
        verb: get, list, watch, create, update, patch, delete, deletecollection; the method in lower case if the path
            leads to no resource.
        is_resource: whether the path leads to a resource.
        prefix: `api` or `apis`.
        group: of the API; empty for the core group.
        version: of the group.
        namespace: empty if there is none.
        plural: the resource's name.
        name: of the object.
        subresource: of the object.
        rest: what follows the subresource in the path.
        old: the verb that the path names before the resource, in the old form.
    """

    path: str
    verb: str
    is_resource: bool = False
    prefix: str = ""
    group: str = ""
    version: str = ""
    namespace: str = ""
    plural: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""
    old: str = ""

    @property
    def key(self) -> str:
        """The resource's key: `pods`, `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def target_of(method: str, path: str, *, watch: bool = False) -> Target:
    """
    Say what *method* on *path* asks for; *watch* if the query asks for a watch.

    Raises:
        NoResource: the path ends behind a verb.
    """
    parts = [part for part in path.strip("/").split("/") if part]
    other = Target(path=path, verb=method.lower())
    if not parts or parts[0] not in ("api", "apis"):
        return other
    grouped = parts[0] == "apis"
    if len(parts) < _RESOURCE_AT + 1 + grouped:
        return other
    group, version = (parts[1], parts[2]) if grouped else ("", parts[1])
    rest = parts[_RESOURCE_AT + grouped :]
    old = rest[0] if rest[0] in _OLD else ""
    if old:
        rest = rest[1:]
        if not rest:
            raise NoResource
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACES_OWN:  # noqa: PLR2004 -- namespaces, its name, a resource
            rest = rest[2:]
    plural, name, subresource = (*rest[:3], "", "")[:3] if len(rest) > 1 else (rest[0], "", "")
    if plural == "namespaces":
        # A namespace is not in one, though its name stands where others' namespace does.
        namespace = ""
    return Target(
        path=path,
        verb=old or _verb(method, name, watch=watch),
        is_resource=True,
        prefix=parts[0],
        group=group,
        version=version,
        namespace=namespace,
        plural=plural,
        name=name,
        subresource=subresource,
        rest="/".join(rest[3:]),
        old=old,
    )


def _verb(method: str, name: str, *, watch: bool) -> str:
    verb = _VERBS.get(method, "")
    if verb == "get" and not name:
        return "watch" if watch else "list"
    return "deletecollection" if verb == "delete" and not name else verb
