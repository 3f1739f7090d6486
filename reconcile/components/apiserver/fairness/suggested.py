"""
Suggested: the FlowSchemas and PriorityLevelConfigurations that an API server sees to it are there.

Source:   apiserver/pkg/apis/flowcontrol/bootstrap: the mandatory and the suggested configuration.
Left out: that they are kept as they were, unless their annotation says otherwise.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import convert
from reconcile.model.requests import Request

SCHEMAS: Final = "flowschemas.flowcontrol.apiserver.k8s.io"
LEVELS: Final = "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io"
_API_VERSION: Final = "flowcontrol.apiserver.k8s.io/v1"
_MANAGER: Final = "api-priority-and-fairness-config-producer-v1"

# Name: shares, percent that may be lent, queues, hand size; no queues: what is too much is rejected.
_LIMITED: Final[dict[str, tuple[int, int, int, int]]] = {
    "catch-all": (5, 0, 0, 0),
    "system": (30, 33, 64, 6),
    "node-high": (40, 25, 64, 6),
    "leader-election": (10, 0, 16, 4),
    "workload-high": (40, 50, 128, 6),
    "workload-low": (100, 90, 128, 6),
    "global-default": (20, 50, 128, 6),
}
_QUEUE: Final = 50  # requests that one queue holds
_ALL: Final = ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"], "clusterScope": True},)
_ANYWHERE: Final = ({"verbs": ["*"], "nonResourceURLs": ["*"]},)
_LEASES: Final = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "namespaces": ["*"]}
_NODES: Final = {"apiGroups": [""], "resources": ["nodes", "nodes/status"], "namespaces": ["*"], "clusterScope": True}
_EVERYBODY: Final = ("Group:system:unauthenticated", "Group:system:authenticated")
_SYSTEM_ACCOUNTS: Final = "ServiceAccount:kube-system/*"

# Name, priority level, precedence, what tells flows apart, subjects, resource rules, other rules.
_FLOWS: Final[tuple[tuple[str, str, int, str, tuple[str, ...], Any, Any], ...]] = (
    ("exempt", "exempt", 1, "", ("Group:system:masters",), _ALL, _ANYWHERE),
    ("catch-all", "catch-all", 10000, "ByUser", _EVERYBODY, _ALL, _ANYWHERE),
    ("system-nodes", "system", 500, "ByUser", ("Group:system:nodes",), _ALL, _ANYWHERE),
    (
        "system-node-high",
        "node-high",
        400,
        "ByUser",
        ("Group:system:nodes",),
        ({"verbs": ["*"], **_NODES}, {"verbs": ["*"], **_LEASES}),
        (),
    ),
    (
        "probes",
        "exempt",
        2,
        "",
        _EVERYBODY,
        (),
        ({"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]},),
    ),
    (
        "system-leader-election",
        "leader-election",
        100,
        "ByUser",
        ("User:system:kube-controller-manager", "User:system:kube-scheduler", _SYSTEM_ACCOUNTS),
        ({"verbs": ["get", "create", "update"], **_LEASES},),
        (),
    ),
    (
        "kube-controller-manager",
        "workload-high",
        800,
        "ByNamespace",
        ("User:system:kube-controller-manager",),
        _ALL,
        _ANYWHERE,
    ),
    ("kube-scheduler", "workload-high", 800, "ByNamespace", ("User:system:kube-scheduler",), _ALL, _ANYWHERE),
    ("kube-system-service-accounts", "workload-high", 900, "ByNamespace", (_SYSTEM_ACCOUNTS,), _ALL, _ANYWHERE),
    ("service-accounts", "workload-low", 9000, "ByUser", ("Group:system:serviceaccounts",), _ALL, _ANYWHERE),
    ("global-default", "global-default", 9900, "ByUser", _EVERYBODY, _ALL, _ANYWHERE),
)


def suggested() -> tuple[Request, ...]:
    """Give the requests with which an API server creates its own configuration."""
    levels = [_created(LEVELS, "PriorityLevelConfiguration", "exempt", _exempt())]
    levels += [_created(LEVELS, "PriorityLevelConfiguration", name, _limited(*rest)) for name, rest in _LIMITED.items()]
    return (*levels, *[_created(SCHEMAS, "FlowSchema", row[0], _flow(*row[1:])) for row in _FLOWS])


def _created(resource: str, kind: str, name: str, spec: dict[str, Any]) -> Request:
    metadata = {"name": name, "annotations": {"apf.kubernetes.io/autoupdate-spec": "true"}}
    body = convert.load({"apiVersion": _API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}).object
    return Request(verb="create", resource=resource, body=body, field_manager=_MANAGER)


def _exempt() -> dict[str, Any]:
    return {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}}


def _limited(shares: int, lendable: int, queues: int, hand: int) -> dict[str, Any]:
    response: dict[str, Any] = {"type": "Reject"}
    if queues:
        queuing = {"queues": queues, "handSize": hand, "queueLengthLimit": _QUEUE}
        response = {"type": "Queue", "queuing": queuing}
    limited = {"nominalConcurrencyShares": shares, "lendablePercent": lendable, "limitResponse": response}
    return {"type": "Limited", "limited": limited}


def _flow(  # noqa: PLR0917 -- a row of the table
    level: str, precedence: int, apart: str, subjects: tuple[str, ...], resources: Any, others: Any
) -> dict[str, Any]:
    rules: dict[str, Any] = {"subjects": [_subject(text) for text in subjects]}
    rules |= {"resourceRules": list(resources)} if resources else {}
    rules |= {"nonResourceRules": list(others)} if others else {}
    spec: dict[str, Any] = {
        "priorityLevelConfiguration": {"name": level},
        "matchingPrecedence": precedence,
        "rules": [rules],
    }
    return spec | ({"distinguisherMethod": {"type": apart}} if apart else {})


def _subject(text: str) -> dict[str, Any]:
    kind, _, name = text.partition(":")
    if kind == "ServiceAccount":
        namespace, _, account = name.partition("/")
        return {"kind": kind, "serviceAccount": {"namespace": namespace, "name": account}}
    return {"kind": kind, kind.lower(): {"name": name}}
