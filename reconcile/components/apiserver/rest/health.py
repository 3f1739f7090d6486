"""
Health: whether the server is well, check by check.

Source:   https://kubernetes.io/docs/reference/using-api/health-checks/; the checks that kube-apiserver has.
Left out: nothing known: a server that answers is well, since it cannot answer without etcd.
"""

from __future__ import annotations

from typing import Final

from reconcile.components.apiserver.rest.values import HttpRequest, HttpResponse

_PLAIN: Final = (("Cache-Control", "no-cache, private"), ("Content-Type", "text/plain; charset=utf-8"))
_HOOKS: Final = (
    "start-apiserver-admission-initializer",
    "generic-apiserver-start-informers",
    "priority-and-fairness-config-consumer",
    "priority-and-fairness-filter",
    "storage-object-count-tracker-hook",
    "start-apiextensions-informers",
    "start-apiextensions-controllers",
    "crd-informer-synced",
    "start-system-namespaces-controller",
    "peer-endpoint-reconciler-controller",
    "start-cluster-authentication-info-controller",
    "start-kube-apiserver-identity-lease-controller",
    "start-kube-apiserver-identity-lease-garbage-collector",
    "storage-readiness",
    "start-legacy-token-tracking-controller",
    "start-service-ip-repair-controllers",
    "rbac/bootstrap-roles",
    "scheduling/bootstrap-system-priority-classes",
    "priority-and-fairness-config-producer",
    "bootstrap-controller",
    "start-kubernetes-service-cidr-controller",
    "start-kube-aggregator-informers",
    "apiservice-status-local-available-controller",
    "apiservice-status-remote-available-controller",
    "apiservice-registration-controller",
    "apiservice-discovery-controller",
    "kube-apiserver-autoregistration",
)
_LAST: Final = ("autoregister-completion", *[f"poststarthook/apiservice-openapi{v}-controller" for v in ("", "v3")])
_STARTED: Final = (*[f"poststarthook/{name}" for name in _HOOKS], *_LAST)
CHECKS: Final[dict[str, tuple[str, ...]]] = {
    "healthz": ("ping", "log", "loopback-serving-certificate", "etcd", *_STARTED),
    "livez": ("ping", "log", "loopback-serving-certificate", "etcd", *_STARTED),
    "readyz": ("ping", "log", "etcd", "etcd-readiness", "informer-sync", *_STARTED, "shutdown"),
}
"""The checks behind each path, in the order in which they are told."""


def answer(http: HttpRequest) -> HttpResponse | None:
    """Answer a request for /healthz, /livez, /readyz or one of their checks; None if it is for none."""
    name, _, check = http.path.strip("/").partition("/")
    checks = CHECKS.get(name)
    if checks is None or (check and check not in checks):
        return None
    if check:
        return text("ok")
    left_out = {value for key, value in http.query if key == "exclude"}
    if not any(key == "verbose" for key, _ in http.query):
        return text("ok")
    lines = [f"[+]{each} {'excluded: ok' if each in left_out else 'ok'}" for each in checks]
    unknown = sorted(left_out - set(checks))
    if unknown:
        listed = ",".join(f'"{each}"' for each in unknown)
        lines.append(f"warn: some health checks cannot be excluded: no matches for {listed}")
    return text("\n".join([*lines, f"{name} check passed", ""]))


def text(content: str, code: int = 200) -> HttpResponse:
    """Give an answer of plain text."""
    headers = (*_PLAIN, ("X-Content-Type-Options", "nosniff"))
    return HttpResponse(code=code, headers=headers, body=content.encode())
