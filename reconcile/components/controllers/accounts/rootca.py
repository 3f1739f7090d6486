"""
Root CA: every namespace has the certificate by which its pods know the API server.

Takes:    changes of namespaces and of ConfigMaps.
Gives:    create and update of the ConfigMap kube-root-ca.crt.
Source:   pkg/controller/certificates/rootcacertpublisher.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers.answers import NOT_FOUND, namespace_ends, text_of
from reconcile.components.controllers.runtime import (
    Ask,
    Controller,
    Key,
    Outcome,
    Source,
    Views,
    keys_of_itself,
    service_account,
)
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.certificates import AUTHORITY
from reconcile.model.requests import Request
from reconcile.store import Change

NAME: Final = "root-ca-certificate-publisher"
CONFIG_MAP: Final = "kube-root-ca.crt"

_DESCRIPTION: Final = "kubernetes.io/description"
_DESCRIBED: Final = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the"
    " internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes"
    " clusters."
)
_DATA: Final = Map({"ca.crt": AUTHORITY})


def keys_of_config_map(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the namespace whose certificate was changed or deleted."""
    namespace, _slash, name = change.key.partition("/")
    return (namespace,) if name == CONFIG_MAP and change.old is not None else ()


def reconcile(ask: Ask) -> Outcome:
    """Let a namespace have its certificate, as it should be."""
    if ask.answers:
        response = ask.answers[0][1]
        if response.ok or response.code == NOT_FOUND or namespace_ends(response):
            return Outcome()
        return Outcome(error=text_of(response))
    namespace = ask.views.get("namespaces", ask.key)
    found = ask.views.get("configmaps", f"{ask.key}/{CONFIG_MAP}")
    if found is None:
        if namespace is None:
            return Outcome()
        metadata = meta_v1.ObjectMeta(name=CONFIG_MAP, namespace=ask.key, annotations=Map({_DESCRIPTION: _DESCRIBED}))
        return _called(ask, "create", core_v1.ConfigMap(metadata=metadata, data=_DATA))
    annotations = found.metadata.annotations or Map[str]()
    if found.data == _DATA and annotations.get(_DESCRIPTION):
        return Outcome()
    metadata = replace(found.metadata, annotations=annotations.set(_DESCRIPTION, _DESCRIBED))
    return _called(ask, "update", replace(found, metadata=metadata, data=_DATA))


def _called(ask: Ask, verb: Any, body: core_v1.ConfigMap) -> Outcome:
    name = CONFIG_MAP if verb == "update" else ""
    request = Request(verb=verb, resource="configmaps", namespace=ask.key, name=name, body=body)
    return Outcome(calls=(request,), again=True)


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(Source("namespaces", keys_of_itself), Source("configmaps", keys_of_config_map)),
    reconcile=reconcile,
    workers=1,
    user=service_account("root-ca-cert-publisher"),
)
