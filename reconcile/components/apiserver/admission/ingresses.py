"""
DefaultIngressClass: an Ingress that names no class gets the one that is the default.

Source:   the admission plugin of this name.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.apiserver.admission.storage import default_class
from reconcile.components.apiserver.state import Ask
from reconcile.lib.replacing import replace

_CLASSES: Final = "ingressclasses.networking.k8s.io"
_DEFAULT: Final = "ingressclass.kubernetes.io/is-default-class"
_NAMED: Final = "kubernetes.io/ingress.class"


def admit_ingress(ask: Ask, ingress: Any) -> Any:
    """Give a new Ingress with its class."""
    spec = ingress.spec
    if spec is None or spec.ingress_class_name is not None or _NAMED in (ingress.metadata.annotations or ()):
        return ingress
    if "DefaultIngressClass" in ask.state.disabled:
        return ingress
    name = default_class(ask, _CLASSES, lambda annotations: annotations.get(_DEFAULT) == "true")
    return ingress if name is None else replace(ingress, spec=replace(spec, ingress_class_name=name))
