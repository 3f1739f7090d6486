"""
Identity: as whom a controller of a user's own calls the API server, and what it may do there.

Takes:    Controller.
Gives:    User, and rules of RBAC.
Source:   https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/: a controller of a user's own
          runs with a ServiceAccount, to which whoever installs it binds a role.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.api.rbac_v1 import PolicyRule
from reconcile.components.controllers.runtime.contract import Controller
from reconcile.model.requests import User

NAMESPACE: Final = "kube-system"
_ACCOUNT: Final = "system:serviceaccount:"
_AUTHENTICATED: Final = "system:authenticated"
_LOOKS: Final = ("get", "list", "watch")


def service_account(name: str) -> User:
    """Give the ServiceAccount *name* of kube-system, as which one of Kubernetes' own controllers calls."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", _AUTHENTICATED)
    return User(name=f"{_ACCOUNT}{NAMESPACE}:{name}", groups=groups)


def identity(controller: Controller) -> User:
    """Give as whom a controller of a user's own calls: who it says, or the ServiceAccount of its name."""
    user = controller.user or service_account(controller.name)
    groups = list(user.groups)
    if user.name.startswith(_ACCOUNT):
        namespace = user.name[len(_ACCOUNT) :].partition(":")[0]
        groups += ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    return User(name=user.name, groups=tuple(dict.fromkeys([*groups, _AUTHENTICATED])))


def identified(controller: Controller) -> Controller:
    """Give a controller of a user's own that calls as itself."""
    return attrs.evolve(controller, user=identity(controller))


def rights(controller: Controller) -> tuple[PolicyRule, ...] | None:
    """Give what a controller may do: what it says, and look at what it watches; None, if it says nothing, for all."""
    if controller.rules is None:
        return None
    resources: dict[str, list[str]] = {}
    for source in controller.sources:
        plural, _, group = source.resource.partition(".")
        known = resources.setdefault(group, [])
        if plural not in known:
            known.append(plural)
    looks = [PolicyRule(api_groups=(group,), resources=tuple(each), verbs=_LOOKS) for group, each in resources.items()]
    return (*looks, *controller.rules)
