"""
Probes: when a container is asked how it is, and what counts as an answer.

Source:   the kubelet's prober package.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.kubelet.container import stopping
from reconcile.components.kubelet.container.actions import action_of
from reconcile.components.kubelet.state import Container, Gauge, LocalPod, container_of, field_path, with_container
from reconcile.effects import CancelTimer, Effect, ProbeContainer, Record, SetTimer
from reconcile.events import Probed
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.replacing import replace

_PERIOD: Final = 10
_FAILURES: Final = 3
_WORDS: Final = {"startup": "Startup", "liveness": "Liveness", "readiness": "Readiness"}


def begin(pod: LocalPod, container: Container, now: Instant, out: list[Effect], *, ready: bool = False) -> Container:
    """Set up the probes of a container that runs: of its startup probe alone, while that has not succeeded yet."""
    spec = container.spec
    gauges: list[Gauge] = []
    if spec.startup_probe is not None and not container.started:
        gauges.append(Gauge("startup", spec.startup_probe, result=False))
    if spec.readiness_probe is not None:
        gauges.append(Gauge("readiness", spec.readiness_probe, result=ready))
    if spec.liveness_probe is not None:
        gauges.append(Gauge("liveness", spec.liveness_probe, result=True))
    container = replace(container, gauges=tuple(gauges))
    return _begun(pod, container, now, out)


def _begun(pod: LocalPod, container: Container, now: Instant, out: list[Effect]) -> Container:
    """Ask for the first time, or set when: of all probes, or of the startup probe alone."""
    for gauge in container.gauges:
        if gauge.kind == "startup" or container.started:
            container = _first(pod, container, gauge, now, out)
    return container


def due(pod: LocalPod, container: Container, kind: str, now: Instant, out: list[Effect]) -> LocalPod:
    """Probe once, and set the next time; if the last answer is not there yet, it is probed when that comes."""
    for gauge in container.gauges:
        if gauge.kind == kind and _asked(pod, container, kind):
            asked = _waiting(container, gauge, 2) if gauge.waits else _ask(pod, container, gauge, out)
            _again(pod, container, gauge, now + _period(gauge), out)
            return pod if asked is container else with_container(pod, asked)
    return pod


def answered(
    pod: LocalPod, container: Container, report: Probed, now: Instant, out: list[Effect]
) -> tuple[LocalPod, bool]:
    """Count a probe's outcome; past its threshold it changes what the container is taken for, and that is news."""
    waits = [gauge.waits for gauge in container.gauges if gauge.waits and gauge.kind == report.kind]
    pod, news = _counted(pod, container, report, now, out)
    if not waits:
        return pod, news
    known = container_of(pod, container.name)
    gauge = None if known is None else next((gauge for gauge in known.gauges if gauge.kind == report.kind), None)
    if known is None or gauge is None:
        return pod, news
    again = waits[0] > 1 and _asked(pod, known, gauge.kind)
    return with_container(pod, _ask(pod, known, gauge, out) if again else _waiting(known, gauge, 0)), news


def _counted(
    pod: LocalPod, container: Container, report: Probed, now: Instant, out: list[Effect]
) -> tuple[LocalPod, bool]:
    kind, success, message = report.kind, report.success, report.message
    gauge = next((gauge for gauge in container.gauges if gauge.kind == kind), None)
    if gauge is None or not _asked(pod, container, kind):
        return pod, False
    if not success:
        said = f"{_WORDS[kind]} probe failed: {message or _complaint(gauge.spec, pod, container, late=report.late)}"
        out.append(Record(pod.pod, "Warning", "Unhealthy", said, field_path(container)))
    needed = (gauge.spec.success_threshold or 1) if success else (gauge.spec.failure_threshold or _FAILURES)
    run = min(gauge.run + 1, needed) if gauge.last is success else 1
    result = success if run >= needed else gauge.result
    if gauge.last is success and gauge.run == run and gauge.result is result:
        return pod, False
    counted = Gauge(gauge.kind, gauge.spec, result, success, run, gauge.waits)
    gauges = tuple([counted if kept.kind == kind else kept for kept in container.gauges])
    container = replace(container, gauges=gauges)
    if kind == "startup" and success and run >= needed:
        container = _has_started(pod, container, now, out)
    elif kind != "readiness" and not success and run >= needed:
        return _kill(with_container(pod, container), container, counted, now, out), result is not gauge.result
    return with_container(pod, container), result is not gauge.result


def _asked(pod: LocalPod, container: Container, kind: str) -> bool:
    """Tell whether a container is probed: while it runs, and whether it is ready also while its pod ends."""
    return container.stage == "running" or (
        kind == "readiness" and container.stage == "stopping" and pod.life == "ending"
    )


def _probe(pod: LocalPod, container: Container, gauge: Gauge) -> ProbeContainer:
    action = action_of(gauge.spec, container.spec.ports)
    timeout = (gauge.spec.timeout_seconds or 1) * SECOND
    return ProbeContainer(pod.uid, container.name, gauge.kind, action, timeout)


def _has_started(pod: LocalPod, container: Container, now: Instant, out: list[Effect]) -> Container:
    out.append(CancelTimer(("probe", pod.uid, container.name, "startup")))
    gauges = tuple([gauge for gauge in container.gauges if gauge.kind != "startup"])
    return _begun(pod, replace(container, started=True, gauges=gauges), now, out)


def _kill(pod: LocalPod, container: Container, gauge: Gauge, now: Instant, out: list[Effect]) -> LocalPod:
    spec: Any = pod.pod.spec
    policy = container.spec.restart_policy or spec.restart_policy or "Always"
    said = f"Container {container.name} failed {gauge.kind} probe"
    if policy != "Never":
        said += ", will be restarted"
    seconds = gauge.spec.termination_grace_period_seconds
    if seconds is None:
        seconds = spec.termination_grace_period_seconds
    return stopping.stop(pod, container, stopping.seconds(pod, 30 if seconds is None else seconds), now, out, why=said)


def _first(pod: LocalPod, container: Container, gauge: Gauge, now: Instant, out: list[Effect]) -> Container:
    state: Any = container.state
    # Also for those that waited for the startup probe, the delay counts from the container's start.
    at = state.running.started_at.instant + (gauge.spec.initial_delay_seconds or 0) * SECOND
    if at > now:
        _again(pod, container, gauge, at, out)
        return container
    container = _ask(pod, container, gauge, out)
    _again(pod, container, gauge, now + _period(gauge), out)
    return container


def _ask(pod: LocalPod, container: Container, gauge: Gauge, out: list[Effect]) -> Container:
    """Probe; of what may be due again before it is answered, remember that it is under way."""
    out.append(_probe(pod, container, gauge))
    return _waiting(container, gauge, 1) if (gauge.spec.timeout_seconds or 1) * SECOND >= _period(gauge) else container


def _waiting(container: Container, gauge: Gauge, waits: int) -> Container:
    kept = [replace(each, waits=waits) if each.kind == gauge.kind else each for each in container.gauges]
    return replace(container, gauges=tuple(kept))


def _again(pod: LocalPod, container: Container, gauge: Gauge, at: Instant, out: list[Effect]) -> None:
    # What is not ready yet is on its way; what is ready is only looked after.
    periodic = gauge.result if gauge.kind != "startup" else False
    out.append(SetTimer(("probe", pod.uid, container.name, gauge.kind), at, periodic))


def _period(gauge: Gauge) -> Duration:
    return (gauge.spec.period_seconds or _PERIOD) * SECOND


def _complaint(probe: Any, pod: LocalPod, container: Container, *, late: bool) -> str:
    """Say what went wrong, as the kubelet's probers and a server say it."""
    if probe.exec is not None:
        command = " ".join(probe.exec.command or ())
        seconds = probe.timeout_seconds or 1
        return f'command timed out: "{command}" timed out after {seconds}s' if late else "command failed"
    action = action_of(probe, container.spec.ports).partition(":")[2]
    port, _, path = action.partition("/")
    if probe.http_get is not None:
        host = probe.http_get.host or pod.ip
        url = f"{(probe.http_get.scheme or 'HTTP').lower()}://{host}:{port}/{path}"
        why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return f'Get "{url}": {why}' if late else "HTTP probe failed with statuscode: 503"
    if probe.tcp_socket is not None:
        why = "i/o timeout" if late else "connect: connection refused"
        return f"dial tcp {probe.tcp_socket.host or pod.ip}:{port}: {why}"
    if late:
        seconds = probe.timeout_seconds or 1
        return f'timeout: failed to connect service "{pod.ip}:{port}" within {seconds}s: context deadline exceeded'
    return 'service unhealthy (responded with "NOT_SERVING")'
