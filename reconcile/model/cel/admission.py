"""
Types of what admission tells its expressions beside the object: of the request, of its namespace.

Source:   k8s.io/apiserver/pkg/admission/plugin/cel/compile.go.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

from reconcile.lib.cel.types import BOOL, DYN, INT, STRING, Type, list_of, map_of

_TIME: Final = Type("timestamp")
_TEXTS: Final = list_of(STRING)
_LABELS: Final = map_of(STRING, STRING)


def _fields(name: str, /, **fields: Type) -> Type:
    return Type(f"kubernetes.{name}", fields=fields)


_KIND: Final = _fields("GroupVersionKind", group=STRING, version=STRING, kind=STRING)
_RESOURCE: Final = _fields("GroupVersionResource", group=STRING, version=STRING, resource=STRING)
_USER: Final = _fields("UserInfo", username=STRING, uid=STRING, groups=_TEXTS, extra=map_of(STRING, _TEXTS))
REQUEST: Final = _fields(
    "AdmissionRequest",
    kind=_KIND,
    resource=_RESOURCE,
    subResource=STRING,
    requestKind=_KIND,
    requestResource=_RESOURCE,
    requestSubResource=STRING,
    name=STRING,
    namespace=STRING,
    operation=STRING,
    userInfo=_USER,
    dryRun=BOOL,
    options=DYN,
)
"""What a policy is told of the request."""

_CONDITION: Final = _fields(
    "NamespaceCondition", status=STRING, type=STRING, lastTransitionTime=_TIME, message=STRING, reason=STRING
)
NAMESPACE: Final = _fields(
    "Namespace",
    metadata=_fields(
        "NamespaceMetadata",
        name=STRING,
        generateName=STRING,
        namespace=STRING,
        labels=_LABELS,
        annotations=_LABELS,
        UID=STRING,
        creationTimestamp=_TIME,
        deletionGracePeriodSeconds=INT,
        deletionTimestamp=_TIME,
        generation=INT,
        resourceVersion=STRING,
        finalizers=_TEXTS,
    ),
    spec=_fields("NamespaceSpec", finalizers=_TEXTS),
    status=_fields("NamespaceStatus", conditions=list_of(_CONDITION), phase=STRING),
)
"""What a policy is told of the namespace."""


def kept(kind: Type) -> Type:
    """Give what is known of a variable's type: of an object nothing."""
    if kind.name in ("list", "map"):
        return Type(kind.name, tuple([kept(param) for param in kind.params]))
    simple = ("bool", "bytes", "double", "duration", "int", "null_type", "string", "timestamp", "uint")
    return kind if kind.name in simple else DYN
