"""
Defaults of a CustomResourceDefinition: its names, its conversion, the versions in which objects were ever stored.

Source:   apiextensions/v1's defaults; the strategy of definitions.
Left out: nothing known.
"""

from __future__ import annotations

import attrs

from reconcile.api import apiextensions_v1
from reconcile.lib.replacing import replace


def definition_defaulted(crd: apiextensions_v1.CustomResourceDefinition) -> apiextensions_v1.CustomResourceDefinition:
    """Give *crd* with its defaults."""
    spec = crd.spec
    names, conversion = spec.names, spec.conversion
    kind = names.kind or ""
    names = replace(
        names,
        singular=names.singular or kind.lower() or None,
        list_kind=names.list_kind or (f"{kind}List" if kind else None),
    )
    if conversion is None:
        conversion = apiextensions_v1.CustomResourceConversion(strategy="None")
    spec = replace(spec, names=names, conversion=_with_port(conversion))
    status = crd.status or apiextensions_v1.CustomResourceDefinitionStatus()
    stored = status.stored_versions or ()
    storage = next((version.name for version in spec.versions if version.storage), None)
    if storage is not None and storage not in stored:
        status = replace(status, stored_versions=(*stored, storage))
    return replace(crd, spec=spec, status=status)


def _with_port(conversion: apiextensions_v1.CustomResourceConversion) -> apiextensions_v1.CustomResourceConversion:
    webhook = conversion.webhook
    client = webhook.client_config if webhook is not None else None
    service = client.service if client is not None else None
    if webhook is None or client is None or service is None or service.port is not None:
        return conversion
    client = attrs.evolve(client, service=attrs.evolve(service, port=443))
    return attrs.evolve(conversion, webhook=attrs.evolve(webhook, client_config=client))
