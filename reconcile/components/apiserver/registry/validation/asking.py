"""Which module is asked about an object: that of its kind."""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.apiserver.refusals import Causes
from reconcile.components.apiserver.registry.validation import core
from reconcile.components.apiserver.registry.validation.events import event_causes, event_update_causes
from reconcile.components.apiserver.registry.validation.groups import RULES


def object_causes(resource: str, obj: Any, version: str = "") -> Causes:
    """Say what is wrong with a new object, beside its metadata; *version* is what the client speaks, if not its own."""
    if version and resource == "events":
        return event_causes(obj)
    rules = RULES.get(resource)
    ask = core.OBJECTS.get(resource) if rules is None else rules[0]
    return () if ask is None else ask(obj)


_CHANGES_FIRST: Final = ("configmaps", "secrets")
"""Of what it is first said what may not change."""


def update_causes(resource: str, new: Any, old: Any, version: str = "") -> Causes:
    """Say what is wrong with an update, beside metadata: with the object, and with what changed."""
    if version and resource == "events":
        return event_update_causes(new, old)
    rules = RULES.get(resource)
    if rules is None:
        look, compare = core.OBJECTS.get(resource), core.CHANGES.get(resource)
        found = () if look is None else look(new)
        changed = () if compare is None else compare(new, old)
        return changed + found if resource in _CHANGES_FIRST else found + changed
    return rules[1](new, old)
