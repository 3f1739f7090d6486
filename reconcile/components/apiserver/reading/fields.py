"""
Fields: by which fields the objects of each kind can be selected.

Takes:    a resource's key and a field's label.
Gives:    how to read it off an object, or a Refusal with upstream's words.
Source:   each kind's field label conversion and its selectable fields;
          https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/#list-of-supported-fields
Left out: nothing known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import attrs

from reconcile.api.kinds import is_built_in
from reconcile.components.apiserver.refusals import Refusal
from reconcile.model import statuses

Read = Callable[[Any], str]


@attrs.frozen
class Selectable:
    """
    What the objects of one kind are selected by beside their name.

    Args:
        fields: label -> attribute path, or several of which the first that is not empty counts.
        namespaced: whether they are selected by their namespace too.
        refusal: what is said of another label.
    """

    fields: Mapping[str, tuple[str, ...]]
    namespaced: bool = True
    refusal: str = "field label not supported: {}"


@lru_cache(maxsize=512)
def field_of(resource: str, label: str) -> Read:
    """Give how the field that *label* names is read off an object of *resource*; refuse with 400 what is none."""
    own = _KINDS.get(resource)
    if label == "metadata.name" or (label == "metadata.namespace" and (own is None or own.namespaced)):
        return _reading((label,))
    if own is None and not is_built_in(resource.partition(".")[2]):
        return _custom(label)
    if own is None:
        said = f'{json.dumps(label)} is not a known field selector: only "metadata.name", "metadata.namespace"'
        raise Refusal(statuses.bad_request(said))
    paths = own.fields.get(label)
    if paths is None:
        raise Refusal(statuses.bad_request(own.refusal.format(label)))
    return _reading(paths)


def _custom(label: str) -> Read:
    """Give how a field of a custom object is read: which ones may be asked for, its definition says."""
    parts = label.split(".")

    def read(obj: Any) -> str:
        value = obj.body
        for part in parts:
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is None:
            return ""
        return str(value).lower() if isinstance(value, bool) else str(value)

    return read


def _reading(paths: tuple[str, ...]) -> Read:
    first = paths[0] if paths else ""
    nothing = "false" if first in _TRUTHS else "0" if first in _NUMBERS else ""
    split = [path.split(".") for path in paths]

    def read(obj: Any) -> str:
        for parts in split:
            value = obj
            for part in parts:
                value = getattr(value, part, None)
            if value is not None and value != "":
                return str(value).lower() if isinstance(value, bool) else str(value)
        return nothing

    return read


def _about(label: str, path: str) -> dict[str, tuple[str, ...]]:
    """Give the fields by which an Event is selected of what it is about."""
    parts = {
        "kind": "kind",
        "namespace": "namespace",
        "name": "name",
        "uid": "uid",
        "apiVersion": "api_version",
        "resourceVersion": "resource_version",
        "fieldPath": "field_path",
    }
    return {f"{label}.{part}": (f"{path}.{name}",) for part, name in parts.items()}


_TRUTHS: Final = ("spec.unschedulable", "spec.host_network")
_NUMBERS: Final = ("status.replicas", "status.succeeded")
_KINDS: Final[dict[str, Selectable]] = {
    "pods": Selectable(
        {
            "spec.nodeName": ("spec.node_name",),
            "spec.host": ("spec.node_name",),
            "spec.restartPolicy": ("spec.restart_policy",),
            "spec.schedulerName": ("spec.scheduler_name",),
            "spec.serviceAccountName": ("spec.service_account_name",),
            "spec.hostNetwork": ("spec.host_network",),
            "status.phase": ("status.phase",),
            "status.podIP": ("status.pod_ip",),
            # Accepted, but no pod has a value there.
            "status.podIPs": (),
            "status.nominatedNodeName": ("status.nominated_node_name",),
        }
    ),
    "nodes": Selectable({"spec.unschedulable": ("spec.unschedulable",)}, namespaced=False),
    "replicationcontrollers": Selectable({"status.replicas": ("status.replicas",)}),
    "events": Selectable(
        {
            **_about("involvedObject", "involved_object"),
            "reason": ("reason",),
            "reportingComponent": ("reporting_component",),
            "source": ("source.component", "reporting_component"),
            "type": ("type",),
        }
    ),
    "events.events.k8s.io": Selectable(
        {
            # As they are stored: in the core group's form.
            **_about("regarding", "involved_object"),
            "reason": ("reason",),
            "reportingController": ("reporting_component",),
            "type": ("type",),
        }
    ),
    "namespaces": Selectable({"status.phase": ("status.phase",)}, namespaced=False),
    "secrets": Selectable({"type": ("type",)}),
    "services": Selectable({"spec.clusterIP": ("spec.cluster_ip",), "spec.type": ("spec.type",)}),
    "jobs.batch": Selectable(
        {"status.successful": ("status.succeeded",)}, refusal='field label "{}" not supported for Job'
    ),
    "certificatesigningrequests.certificates.k8s.io": Selectable(
        {"spec.signerName": ("spec.signer_name",)}, namespaced=False
    ),
    "resourceslices.resource.k8s.io": Selectable(
        {"spec.nodeName": ("spec.node_name",), "spec.driver": ("spec.driver",)},
        namespaced=False,
        refusal="field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: {}",
    ),
}
