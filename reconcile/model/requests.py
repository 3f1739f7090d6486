"""
Requests and responses of the Kubernetes API, as values.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import attrs

from reconcile.api import meta_v1
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick

Verb: TypeAlias = Literal["create", "get", "list", "watch", "update", "patch", "delete", "deletecollection"]

PatchType: TypeAlias = Literal["merge", "json", "strategic", "apply"]
"""How a patch is meant: RFC 7386, RFC 6902, Kubernetes' strategic merge patch, server-side apply."""

VERBS: Final[tuple[Verb, ...]] = (
    "create",
    "get",
    "list",
    "watch",
    "update",
    "patch",
    "delete",
    "deletecollection",
)


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class User:
    """
    Who asks, as authentication found out.

    Args:
        name: the user name; empty for nobody.
        groups: that the user is in.
        uid: what tells the user from others who had the name before.
        extra: what else is known, by key.
    """

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Map[tuple[str, ...]] | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Request:
    """
    One request to the API server.

    Args:
        verb: what is asked; `create` on a subresource is POST to it (`pods/binding`, `pods/eviction`).
        resource: the resource's key: `pods`, `deployments.apps`.
        namespace: empty for cluster-scoped resources, and for a list over all namespaces.
        name: empty for create, list and deletecollection.
        subresource: `status`, `binding`, `scale`, `eviction`, ...; empty for the object itself.
        body: the object (create, update), the patch as JSON or as a `StatusPatch` (patch), DeleteOptions or None
            (delete).
        label_selector: as kubectl's -l, for list and deletecollection.
        field_selector: as kubectl's --field-selector.
        field_manager: who is to be named as manager of the fields; empty to derive it from the user.
        dry_run: run everything but the write.
        limit: the largest number of objects in one list; 0 for all.
        continue_: the token that the last list gave.
        resource_version: for list and get, as the API concepts page defines it; empty for the most recent.
        version: of the resource's group, in which the client speaks; empty for the one that objects are stored in.
        patch_type: how the body of a patch is meant.
        force: let an apply take fields from other managers.
        field_validation: what becomes of fields in a patch that the object does not have: Strict, Warn or Ignore; empty
            for Warn.
        resource_version_match: how a list takes its resource version: Exact or NotOlderThan; empty for neither.
        bookmarks: a watch is told now and then how far it has come.
        initial_events: a watch begins with what is there, and says when that is over; None if the client did not say.
        timeout_seconds: how long a watch lasts; 0 for as long as it may.
        warned: somebody reads the warnings of what is written, which are found only then.
    """

    verb: Verb
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    body: Any = None
    label_selector: str = ""
    field_selector: str = ""
    field_manager: str = ""
    dry_run: bool = False
    limit: int = 0
    continue_: str = ""
    resource_version: str = ""
    version: str = ""
    patch_type: PatchType = "merge"
    force: bool = False
    field_validation: str = ""
    resource_version_match: str = ""
    bookmarks: bool = False
    initial_events: bool | None = None
    timeout_seconds: int = 0
    warned: bool = False


_CARRIED_OUT: Final = range(1, 400)  # HTTP's own border


@quick
@attrs.frozen(weakref_slot=False)
class Response:
    """
    What the API server answered.

    Args:
        code: the HTTP status code; 0 if there is no answer, because the connection failed.
        body: the object asked for, created or changed; a `List` of them; or a `Status` if the code is 400 or more or 0,
            and for a delete that is done at once.
        warnings: texts of Warning headers.
    """

    code: int
    body: Any = None
    warnings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Tell whether the request was carried out."""
        return self.code in _CARRIED_OUT

    @property
    def reason(self) -> str:
        """The machine-readable reason of a refusal (`NotFound`, `Conflict`, `AlreadyExists`, ...); empty if ok."""
        return "" if self.ok or not isinstance(self.body, meta_v1.Status) else self.body.reason or ""


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class List:
    """
    The objects that a list found, of one resource.

    Args:
        resource: the resource's key.
        items: the objects, in key order.
        resource_version: the revision at which they were read.
        continue_: the token for the rest; empty if this is all.
        remaining: how many are left after these, if known.
    """

    resource: str
    items: tuple[Any, ...]
    resource_version: str
    continue_: str = ""
    remaining: int | None = None


def key_of(obj: Any) -> str:
    """Give the key of an object in its table: `namespace/name`, or `name` if it is cluster-scoped."""
    metadata = obj.metadata
    return f"{metadata.namespace}/{metadata.name}" if metadata.namespace else metadata.name


def split_key(key: str) -> tuple[str, str]:
    """Split a table key into namespace (empty if cluster-scoped) and name."""
    namespace, slash, name = key.partition("/")
    return (namespace, name) if slash else ("", namespace)


def joined(namespace: str, name: str) -> str:
    """Give the table key of *name* in *namespace*; empty namespace for cluster-scoped resources."""
    return f"{namespace}/{name}" if namespace else name
