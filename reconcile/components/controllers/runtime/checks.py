"""
Checks: what the author of a controller is told when it cannot run, or does what the runtime cannot take.

Source:   the runtime's own rules: `contract`.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconcile.api.kinds import resource
from reconcile.api.rbac_v1 import PolicyRule
from reconcile.components.controllers.runtime.contract import Controller, Key, Outcome
from reconcile.components.controllers.runtime.customs import OPENING
from reconcile.lib.errors import ReconcileError
from reconcile.model.requests import Request, User
from reconcile.model.text import names as naming


def check(controllers: Iterable[Any]) -> None:
    """
    Refuse controllers that cannot run in one process.

    Raises:
        ReconcileError: one is no controller, has no name of its own, watches what does not exist, or could never work.
    """
    names: set[str] = set()
    for controller in controllers:
        if not isinstance(controller, Controller):
            raise ReconcileError(f"controllers: {controller!r} is not a Controller")
        where = f"controller {controller.name!r}"
        if not controller.name or controller.name in names:
            raise ReconcileError(f"{where}: name: it is empty, or another controller's")
        names.add(controller.name)
        _check_identity(where, controller)
        for place, source in enumerate(controller.sources):
            try:
                resource(source.resource)
            except ReconcileError as error:
                raise ReconcileError(f"{where}: sources[{place}].resource: {error}") from None
        for place, awaited in enumerate(controller.awaits):
            if awaited not in [source.resource for source in controller.sources]:
                raise ReconcileError(f"{where}: awaits[{place}]: {awaited!r} is none of its sources")
        for place, later in enumerate(controller.later):
            if later.resource not in OPENING:
                raise ReconcileError(
                    f"{where}: later[{place}].resource: {later.resource!r} is none of {sorted(OPENING)}"
                )
        if controller.workers < 1:
            raise ReconcileError(f"{where}: workers: {controller.workers!r} is not at least 1")
        if controller.resync is not None and controller.resync < 1:
            raise ReconcileError(f"{where}: resync: {controller.resync!r} is not at least 1 nanosecond")


def _check_identity(where: str, controller: Controller) -> None:
    user: Any = controller.user
    rules: Any = controller.rules
    if user is None:
        for fault in naming.subdomain_faults(controller.name):
            raise ReconcileError(f"{where}: name: no ServiceAccount can be called so ({fault}); give it a user")
    elif not isinstance(user, User) or not user.name:
        raise ReconcileError(f"{where}: user: {user!r} is nobody; expected a User with a name")
    if rules is None:
        return
    if not isinstance(rules, tuple):
        raise ReconcileError(f"{where}: rules: {rules!r} is not a tuple")
    for place, rule in enumerate(rules):
        at = f"{where}: rules[{place}]"
        if not isinstance(rule, PolicyRule):
            raise ReconcileError(f"{at}: {rule!r} is not a PolicyRule")
        if not rule.verbs:
            raise ReconcileError(f"{at}.verbs: verbs must contain at least one value")
        if rule.non_resource_urls:
            if rule.api_groups or rule.resources or rule.resource_names:
                raise ReconcileError(f"{at}: rules cannot apply to both regular resources and non-resource URLs")
        elif not rule.api_groups or not rule.resources:
            lacks = "apiGroups" if not rule.api_groups else "resources"
            raise ReconcileError(f"{at}.{lacks}: resource rules must supply at least one")


def is_sound(outcome: Any) -> bool:
    """Tell whether what `reconcile` gave is an Outcome that can be kept and carried out."""
    if outcome.__class__ is not Outcome:
        return False
    if outcome.calls.__class__ is not tuple or outcome.records.__class__ is not tuple:
        return False
    for call in outcome.calls:
        if call.__class__ is not Request:
            return False
    if outcome.after is None:
        return True
    return outcome.after.__class__ is int


def unsound(name: str, key: Key, outcome: Any) -> ReconcileError:
    """Say what is wrong with what the controller *name* gave for *key*, which is not sound."""
    if outcome.__class__ is not Outcome:
        wrong = f"{outcome!r}, not an Outcome"
    elif outcome.calls.__class__ is not tuple:
        wrong = f"calls={outcome.calls!r}, not a tuple"
    elif outcome.records.__class__ is not tuple:
        wrong = f"records={outcome.records!r}, not a tuple"
    elif outcome.after is not None and outcome.after.__class__ is not int:
        wrong = f"after={outcome.after!r}, not a whole number of nanoseconds"
    else:
        wrong = f"calls={outcome.calls!r}, not all of which are Requests"
    return ReconcileError(f"controller {name!r}: reconcile of {key!r} gave {wrong}")


def wrong_keys(name: str, source: str, key: str, found: Any) -> ReconcileError:
    """Say that the keys that a change of *source* concerns are not given as a tuple."""
    return ReconcileError(f"controller {name!r}: keys of {source} {key!r} gave {found!r}, which is not a tuple of keys")
