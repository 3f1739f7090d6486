"""Validation of what is done to a running container: probes and hooks."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1
from reconcile.components.apiserver.refusals import Cause, forbidden, required, wrong
from reconcile.components.apiserver.registry.validation.values import (
    among,
    at_least_zero,
    named,
    port_causes,
    port_or_name_causes,
)
from reconcile.model.text import names

_PROBING: Final = (("exec", "exec"), ("http_get", "httpGet"), ("tcp_socket", "tcpSocket"), ("grpc", "grpc"))
_HOOKED: Final = (("exec", "exec"), ("http_get", "httpGet"), ("tcp_socket", "tcpSocket"), ("sleep", "sleep"))
_UNSAID: Final = "may not be set for init containers without restartPolicy=Always"


def running_causes(field: str, container: Any, grace: int | None) -> list[Cause]:
    """Say what is wrong with the hooks and probes of a container that goes on running."""
    found: list[Cause] = []
    if container.lifecycle is not None:
        for name, hook in (("postStart", container.lifecycle.post_start), ("preStop", container.lifecycle.pre_stop)):
            if hook is not None:
                found += _action_causes(f"{field}.lifecycle.{name}", hook, _HOOKED, grace)
    for name, probe in (("livenessProbe", container.liveness_probe), ("readinessProbe", container.readiness_probe)):
        if probe is not None:
            found += _probe_causes(f"{field}.{name}", probe, grace, ready=name == "readinessProbe")
    if container.startup_probe is not None:
        found += _probe_causes(f"{field}.startupProbe", container.startup_probe, grace, ready=False)
    return found


def passing_causes(field: str, container: Any) -> list[Cause]:
    """Say which hooks and probes a container has that runs to its end before the others."""
    parts = (
        ("lifecycle", container.lifecycle),
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
    )
    return [forbidden(f"{field}.{name}", _UNSAID) for name, part in parts if part is not None]


def _probe_causes(field: str, probe: core_v1.Probe, grace: int | None, *, ready: bool) -> list[Cause]:
    found = _action_causes(field, probe, _PROBING, grace)
    numbers = (
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    )
    for name, number in numbers:
        found += at_least_zero(f"{field}.{name}", number)
    seconds, at = probe.termination_grace_period_seconds, f"{field}.terminationGracePeriodSeconds"
    if seconds is not None and seconds <= 0:
        found.append(wrong(at, seconds, "must be greater than 0"))
    if ready and seconds is not None:
        found.append(wrong(at, seconds, "must not be set for readinessProbes"))
    if not ready and probe.success_threshold != 1:
        found.append(wrong(f"{field}.successThreshold", probe.success_threshold or 0, "must be 1"))
    return found


def _action_causes(field: str, handler: Any, kinds: tuple[tuple[str, str], ...], grace: int | None) -> list[Cause]:
    given = [(getattr(handler, name), shown) for name, shown in kinds if getattr(handler, name) is not None]
    if not given:
        return [required(field, "must specify a handler type")]
    action, shown = given[0]
    at = f"{field}.{shown}"
    if shown == "exec":
        found = [] if action.command else [required(f"{at}.command")]
    elif shown == "httpGet":
        found = _http_causes(at, action)
    elif shown == "tcpSocket":
        found = port_or_name_causes(f"{at}.port", action.port)
    elif shown == "grpc":
        found = port_causes(f"{at}.port", action.port)
    else:
        found = _sleep_causes(at, action.seconds, grace)
    many = "may not specify more than 1 handler type"
    return found + [forbidden(f"{field}.{shown}", many) for _, shown in given[1:]]


def _sleep_causes(field: str, seconds: int, grace: int | None) -> list[Cause]:
    if grace is None or 0 <= seconds <= grace:
        return []
    return [wrong(field, seconds, f"must be non-negative and less than terminationGracePeriodSeconds ({grace})")]


def _http_causes(field: str, action: core_v1.HTTPGetAction) -> list[Cause]:
    found = [] if action.path else [required(f"{field}.path")]
    found += port_or_name_causes(f"{field}.port", action.port)
    found += among(f"{field}.scheme", action.scheme, ("HTTP", "HTTPS"))
    for header in action.http_headers or ():
        found += named(f"{field}.httpHeaders", header.name, names.header_faults(header.name))
    return found
