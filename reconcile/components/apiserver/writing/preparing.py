"""
Preparing: what the server itself writes into an object of one kind before it looks at it.

Source:   PrepareForCreate and PrepareForUpdate of the registry's strategies; StorageObjectInUseProtection.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconcile.api import apps_v1, certificates_v1, storage_v1
from reconcile.components.apiserver.state import Ask
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import gates

_TEMPLATE: Final = "deprecated.daemonset.template.generation"
_PROTECTED: Final = "kubernetes.io/vac-protection"


def _new_daemon_set(_: Ask, obj: apps_v1.DaemonSet) -> apps_v1.DaemonSet:
    """Count the template's first generation, which apps/v1 shows in an annotation."""
    annotations = obj.metadata.annotations if obj.metadata is not None else None
    said = _count(annotations)
    return obj if said >= 1 else _counted(obj, annotations, 1)


def _daemon_set(_: Ask, new: apps_v1.DaemonSet, old: apps_v1.DaemonSet) -> apps_v1.DaemonSet:
    before = _count(old.metadata.annotations if old.metadata is not None else None)
    annotations = new.metadata.annotations if new.metadata is not None else None
    same = new.spec is old.spec or (new.spec and new.spec.template) == (old.spec and old.spec.template)
    count = before if same else before + 1
    return new if _count(annotations) == count else _counted(new, annotations, count)


def _count(annotations: Any) -> int:
    text = (annotations or {}).get(_TEMPLATE, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _counted(obj: Any, annotations: Any, count: int) -> Any:
    said = (annotations or Map[str]()).set(_TEMPLATE, str(count))
    return replace(obj, metadata=replace(obj.metadata, annotations=said))


def _new_stateful_set(ask: Ask, obj: apps_v1.StatefulSet) -> apps_v1.StatefulSet:
    return _with_max_unavailable(ask, obj, said=False)


def _stateful_set(ask: Ask, new: apps_v1.StatefulSet, old: apps_v1.StatefulSet) -> apps_v1.StatefulSet:
    before = _rolling(old)
    return _with_max_unavailable(ask, new, said=before is not None and before.max_unavailable is not None)


def _with_max_unavailable(ask: Ask, obj: apps_v1.StatefulSet, *, said: bool) -> apps_v1.StatefulSet:
    """How many may be missing is 1 if nothing is said; while that is a feature that is off, only who said it may."""
    rolling = _rolling(obj)
    if rolling is None:
        return obj
    is_on = gates.is_on(ask.state.feature_gates, gates.MAX_UNAVAILABLE_STATEFUL_SET)
    wanted = (1 if rolling.max_unavailable is None else rolling.max_unavailable) if is_on else None
    if rolling.max_unavailable == wanted or (said and not is_on):
        return obj
    spec: Any = obj.spec
    strategy = replace(spec.update_strategy, rolling_update=replace(rolling, max_unavailable=wanted))
    return replace(obj, spec=replace(spec, update_strategy=strategy))


def _rolling(obj: apps_v1.StatefulSet) -> Any:
    strategy = obj.spec.update_strategy if obj.spec is not None else None
    return None if strategy is None else strategy.rolling_update


def _new_signing_request(
    ask: Ask, obj: certificates_v1.CertificateSigningRequest
) -> certificates_v1.CertificateSigningRequest:
    """Write down who asks for the certificate: nobody asks for another."""
    user = ask.user
    spec = replace(obj.spec, username=user.name or None, groups=user.groups or None, uid=None, extra=None)
    return replace(obj, spec=spec)


def _signing_request(_: Ask, new: Any, old: Any) -> Any:
    return replace(new, spec=old.spec)


def _new_attributes_class(_: Ask, obj: storage_v1.VolumeAttributesClass) -> storage_v1.VolumeAttributesClass:
    finalizers = obj.metadata.finalizers if obj.metadata is not None else None
    if _PROTECTED in (finalizers or ()):
        return obj
    return replace(obj, metadata=replace(obj.metadata, finalizers=(*(finalizers or ()), _PROTECTED)))


NEW: Final[Mapping[str, Callable[[Ask, Any], Any]]] = {
    "statefulsets.apps": _new_stateful_set,
    "daemonsets.apps": _new_daemon_set,
    "certificatesigningrequests.certificates.k8s.io": _new_signing_request,
    "volumeattributesclasses.storage.k8s.io": _new_attributes_class,
}
CHANGED: Final[Mapping[str, Callable[[Ask, Any, Any], Any]]] = {
    "statefulsets.apps": _stateful_set,
    "daemonsets.apps": _daemon_set,
    "certificatesigningrequests.certificates.k8s.io": _signing_request,
}
