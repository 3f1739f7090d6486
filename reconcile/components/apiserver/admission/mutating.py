"""
Mutating: the plugins that change what is written, asked a second time where others have changed it since.

Source:   apiserver/pkg/admission: the reinvocation handler, and the contexts of its plugins.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any

import attrs

from reconcile.api import convert, versions
from reconcile.api.faults import InvalidObject
from reconcile.api.shapes import CustomObject
from reconcile.components.apiserver.admission.matching import Place, own_place
from reconcile.components.apiserver.admission.reviews import shown
from reconcile.components.apiserver.reading.converting import converted
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.registry import served, structural
from reconcile.components.apiserver.registry.defaults import defaulted
from reconcile.components.apiserver.state import Ask
from reconcile.model import statuses
from reconcile.model.patches import Unpatchable, json


@attrs.define
class Again:
    """
    Who of one plugin is to be asked a second time; it belongs to one look at one write.

    Args:
        round: 0, or 1 when the plugins are asked again.
        changed: whether somebody has changed the object, so that there is a second round.
    """

    round: int = 0
    changed: bool = False
    _previous: list[str] = attrs.field(factory=list)
    _wanted: list[str] = attrs.field(factory=list)
    _last: Any = None

    def enter(self, obj: Any) -> None:
        """Begin the plugin's turn: in the second round, what others have changed since the last is looked at."""
        if self.round and obj is not self._last and obj != self._last:
            self._require_previous()

    def leave(self, obj: Any) -> None:
        """End the plugin's turn, with what it made."""
        self._last = obj

    def skips(self, uid: str) -> bool:
        """Tell whether somebody is not asked in this round."""
        return bool(self.round) and uid not in self._wanted

    def require(self) -> None:
        """Note that the object was changed: who was asked before is asked again."""
        self._require_previous()
        self.changed = True

    def asked(self, uid: str) -> None:
        """Note that somebody was asked who wants to be again if others change the object."""
        self._previous.append(uid)

    def _require_previous(self) -> None:
        self._wanted += self._previous
        self._previous.clear()


def patched(ask: Ask, obj: Any, operations: Any, place: Place) -> Any:
    """Give an object, shown as it is in *place*, with a JSON patch made to it: itself if that changes nothing."""
    before = shown(ask, obj, place)
    try:
        after = json.applied(before, operations)
    except Unpatchable as reason:
        raise Refusal(statuses.internal(str(reason))) from None
    if after == before:
        return obj
    try:
        return rebuilt(ask, after, obj)
    except InvalidObject as error:
        raise Refusal(statuses.internal(str(error))) from None


def rebuilt(ask: Ask, plain: Any, like: Any) -> Any:
    """Give what plain JSON says as an object of the class of *like*, with its defaults, in the request's version."""
    if isinstance(like, CustomObject):
        obj = convert.load(plain, cls=CustomObject).object
        definition = served.definition(ask.store, ask.request.resource)
        assert definition is not None, "it was found when the request was routed"
        wanted = own_place(ask).api_version
        if obj.api_version != wanted:
            obj = converted(ask, obj, wanted)
        schema = definition.version(ask.request.version).schema
        written = structural.defaulted(convert.dump(obj), schema)
        return convert.load(written, cls=CustomObject).object
    kind = plain.get("kind")
    cls = like.__class__
    if kind and plain.get("apiVersion") != like.api_version:
        return defaulted(ask.request.resource, versions.stored(convert.load(plain, unknown="Ignore").object))
    return defaulted(ask.request.resource, convert.load(plain, cls=cls, unknown="Ignore", absent="zero").object)
