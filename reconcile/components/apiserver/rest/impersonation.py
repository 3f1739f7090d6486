"""
Impersonation: asking as somebody else, if one may.

There are several ways to be let: a node's pod may ask as its node, some may ask as any node, as an account, or as an
ordinary user, each only for what they may do so; and the old way, which asks nothing of what is done then.

Source:   https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/
Left out: see docs/limits.md, "REST".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

import attrs

from reconcile.components.apiserver.access import authorising, tokens
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.rest.values import HttpRequest
from reconcile.lib.mapping import Map
from reconcile.model import statuses
from reconcile.model.requests import Request, User
from reconcile.model.text import names
from reconcile.store import Reads

_USER: Final = "impersonate-user"
_GROUP: Final = "impersonate-group"
_UID: Final = "impersonate-uid"
_EXTRA: Final = "impersonate-extra-"
_NODE: Final = "system:node:"
_NODES: Final = "system:nodes"
_NODE_NAME: Final = "authentication.kubernetes.io/node-name"
_AUTHENTICATION: Final = "authentication.k8s.io"
_MANY: Final = 4
_HEX: Final = re.compile("%([0-9a-fA-F]{2})")

# What the one who asks wants to do then: it is allowed if this refuses nothing; *verb* in place of the request's own.
Does = Callable[[User, str], None]


def wanted_by(http: HttpRequest) -> User | None:
    """Give whom a request wants to be taken for, as it says; None if it says nothing. Refuse with 400 half of it."""
    if not any(key.startswith("impersonate-") for key, _ in http.headers):
        return None
    name, uid = http.header(_USER), http.header(_UID)
    groups = http.all_headers(_GROUP)
    extra: dict[str, tuple[str, ...]] = {}
    for key, value in http.headers:
        if key.startswith(_EXTRA):
            place = _unescaped(key[len(_EXTRA) :])
            extra[place] = (*extra.get(place, ()), value)
    if name:
        return User(name=name, groups=groups, uid=uid, extra=Map(extra) if extra else None)
    if uid or groups or extra:
        said = f'Name:"", UID:{_go(uid)}, Groups:{_go_list(groups)}, Extra:{_go_map(extra)}'
        raise Refusal(statuses.bad_request(f"requested &user.DefaultInfo{{{said}}} without impersonating a user name"))
    return None


def impersonated(user: User, wanted: User, does: Does, store: Reads) -> User:
    """Give *wanted* with the groups that come with it, if *user* may be taken for it; else refuse with 403."""
    first: Refusal | None = None
    for mode in (*_modes(user, wanted), ""):
        try:
            if mode:
                does(user, f"impersonate-on:{mode}:")
            return _as_wanted(user, wanted, mode, store)
        except Refusal as refusal:
            first = first or refusal
    assert first is not None, "one way at least was tried"
    raise first


def _modes(user: User, wanted: User) -> list[str]:
    """Name the ways in which *wanted* can be asked for, but for the old one."""
    alone = not (wanted.uid or wanted.groups or wanted.extra)
    node, account = _node_of(wanted.name), account_of(wanted.name)
    if not node and account is None:
        return ["user-info"]
    if not alone:
        return []
    if account is not None:
        return ["serviceaccount"]
    own = (user.extra or Map[tuple[str, ...]]()).get(_NODE_NAME) == (node,) and account_of(user.name) is not None
    return ["associated-node", "arbitrary-node"] if own else ["arbitrary-node"]


def _as_wanted(user: User, wanted: User, mode: str, store: Reads) -> User:
    """Give *wanted* as it is then, each part of it asked for; *mode* is empty for the old way."""
    verb, group = (f"impersonate:{mode}", _AUTHENTICATION) if mode else ("impersonate", "")
    groups = wanted.groups

    def may(resource: str, name: str, namespace: str = "", subresource: str = "", of: str = group) -> None:
        key = f"{resource}.{of}" if of else resource
        _may(user, verb, key, name, namespace, subresource, store)

    account, node = account_of(wanted.name), _node_of(wanted.name) if mode else ""
    if account is not None:
        groups = groups or tokens.groups_of(account[0])
        may("serviceaccounts", account[1], account[0])
    elif node:
        groups = (_NODES,)
        may("nodes", "*" if mode == "associated-node" else node)
    else:
        may("users", wanted.name)
    if wanted.uid:
        may("uids", wanted.uid, of=_AUTHENTICATION)
    if wanted.groups:
        _take_groups(user, wanted.groups, mode, verb, group, may)
    _take_extra(wanted, mode, may)
    if wanted.name == authorising.ANONYMOUS.name:
        groups = groups if authorising.UNAUTHENTICATED in groups else (*groups, authorising.UNAUTHENTICATED)
    elif authorising.UNAUTHENTICATED not in groups and tokens.AUTHENTICATED not in groups:
        groups = (*groups, tokens.AUTHENTICATED)
    return attrs.evolve(wanted, groups=groups)


def _take_groups(user: User, groups: tuple[str, ...], mode: str, verb: str, group: str, may: Any) -> None:  # noqa: PLR0917 -- what the way is
    key = f"groups.{group}" if group else "groups"
    if mode and "" in groups:
        raise Refusal(authorising.refused(user, verb, key, "", "impersonating the empty string group is not allowed"))
    if mode and authorising.MASTERS in groups:
        why = f"impersonating the {authorising.MASTERS} group is not allowed"
        raise Refusal(authorising.refused(user, verb, key, authorising.MASTERS, why))
    if mode and len(groups) >= _MANY and _is_allowed(may, "groups", "*"):
        return
    for name in groups:
        may("groups", name)


def _take_extra(wanted: User, mode: str, may: Any) -> None:
    extra = wanted.extra or Map[tuple[str, ...]]()
    count = sum([len(values) for values in extra.values()])
    if mode and count >= _MANY and _is_allowed(may, "userextras", "*", subresource="*", of=_AUTHENTICATION):
        return
    for key, values in extra.items():
        for value in values:
            may("userextras", value, subresource=key, of=_AUTHENTICATION)


def _is_allowed(may: Any, *given: str, **named: str) -> bool:
    try:
        may(*given, **named)
    except Refusal:
        return False
    return True


def _may(user: User, verb: str, key: str, name: str, namespace: str, subresource: str, store: Reads) -> None:  # noqa: PLR0917 -- a request's parts
    asked = Request(
        verb=verb,  # type: ignore[arg-type]  # of authorisation alone
        resource=key,
        namespace=namespace,
        name=name,
        subresource=subresource,
    )
    authorising.authorise(user, asked, store)


def account_of(name: str) -> tuple[str, str] | None:
    """Give the namespace and the name of the account whose user name this is; None if it is no account's."""
    if not name.startswith(tokens.ACCOUNT):
        return None
    namespace, _, short = name[len(tokens.ACCOUNT) :].partition(":")
    return (namespace, short) if not names.label_faults(namespace) and not names.subdomain_faults(short) else None


def _node_of(name: str) -> str:
    node = name.removeprefix(_NODE)
    return node if name != node and not names.subdomain_faults(node) else ""


def _unescaped(text: str) -> str:
    """Undo the percent-encoding of a header's name; what is no such encoding stays."""
    try:
        return _HEX.sub(lambda match: chr(int(match[1], 16)), text).encode("latin-1").decode()
    except ValueError:
        return text


def _go(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _go_list(texts: tuple[str, ...]) -> str:
    return "[]string{" + ", ".join(map(_go, texts)) + "}" if texts else "[]string(nil)"


def _go_map(extra: dict[str, tuple[str, ...]]) -> str:
    if not extra:
        return "map[string][]string(nil)"
    return "map[string][]string{" + ", ".join([f"{_go(key)}:{_go_list(extra[key])}" for key in sorted(extra)]) + "}"
