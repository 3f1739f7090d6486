"""
Container logs: what `kubectl logs` shows.

An API server passes such a request on to the kubelet of the pod's node, and that one to its container runtime. Here the
world says what a container has written: the lines of its behaviour, each at its time.

Takes:    an open machine, an HTTP request for pods/NAME/log.
Gives:    Logs, or the refusal in upstream's words.
Source:   the API server's registry of pods (LogLocation) and the kubelet's container logs.
Left out: see docs/limits.md, "Serving".
"""

from __future__ import annotations

import re
from operator import itemgetter
from typing import Any, Final

import attrs

from reconcile.api.scalars import Time
from reconcile.components import world
from reconcile.components.apiserver import rest
from reconcile.components.apiserver.access import authorising
from reconcile.components.apiserver.refusals import Refusal, forbidden, wrong
from reconcile.components.apiserver.rest import connecting, paths, taking
from reconcile.driver.machine import Machine
from reconcile.driver.machine.applications.metering import ready_behind
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND, Instant, rfc3339
from reconcile.model import statuses
from reconcile.model.behaviours import Behaviour, served, written
from reconcile.model.kubelets import settings_of
from reconcile.model.pods.logfiles import newest
from reconcile.model.requests import Request

_PATH: Final = re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/log")
_TRUE: Final = frozenset({"true", "1"})


@attrs.frozen(kw_only=True)
class Logs:
    """
    What a container has written.

    Args:
        pod: the pod's key.
        container: its name.
        container_id: which run of it.
        text: what is to be shown of it now.
        follow: whether the client stays until this run of it ends.
        until: up to when it is shown.
        node: where it runs.
        uid: by which its runtime knows the pod.
        stamped: each line begins with its time.
        seen: of what an application writes, up to which line it is shown.
        left: so many bytes more are wanted; None: all.
    """

    pod: str
    container: str
    container_id: str
    text: str
    follow: bool
    until: Instant = 0
    node: str = ""
    uid: str = ""
    stamped: bool = False
    seen: int = 0
    left: int | None = None


def is_logs(http: rest.HttpRequest) -> bool:
    """Tell whether a request asks for a container's log."""
    return http.path.endswith("/log") and http.method == "GET" and _PATH.fullmatch(http.path) is not None


def logs(machine: Machine, serving: rest.Serving, http: rest.HttpRequest) -> Logs | rest.HttpResponse:
    """Give what a container has written, if who asks may see it."""
    try:
        return _logs(machine, serving, http)
    except Refusal as refusal:
        return rest.refused(refusal.response.body, http)


def runs(machine: Machine, found: Logs) -> bool:
    """Tell whether the container still runs whose log is followed, and more of it is wanted."""
    if found.left == 0:
        return False
    pod = machine.store.get("pods", found.pod)
    status = None if pod is None else _status(pod, found.container)
    return status is not None and status.container_id == found.container_id and status.state.running is not None


def further(machine: Machine, found: Logs) -> Logs:
    """Give what a log that is followed has had since: its text is what has come, which is empty if nothing has."""
    now, applied = machine.now, _applied(machine, found)
    if applied is not None:
        rows = list(applied.between(max(found.seen, applied.start), applied.end))
    else:
        rows = [row for row in _rows(machine, found, now) if found.until < row[0]]
    seen = found.seen if applied is None else applied.end
    text, left = _limited(_text(rows, stamped=found.stamped), found.left)
    return attrs.evolve(found, text=text, until=max(found.until, now), seen=seen, left=left)


def _applied(machine: Machine, found: Logs) -> Any:
    """Give what an application has written in the container; None if none has."""
    return machine.programs.logs.get(f"{found.uid}/{found.container}")


def _limited(text: str, left: int | None) -> tuple[str, int | None]:
    """Give so many bytes of a text, and how many more are wanted."""
    if left is None:
        return text, None
    whole = text.encode()
    return whole[:left].decode("utf-8", "ignore"), max(left - len(whole), 0)


def _rows(machine: Machine, found: Logs, now: Instant) -> list[tuple[Instant, str]]:
    """Give what the last run of a container has written; nothing if that is not the one that is asked for."""
    runtime = machine.states.get(f"runtime/{found.node}")
    wrote = None if runtime is None else world.wrote(runtime, found.uid, found.container)
    if wrote is None or wrote[0].id != found.container_id or wrote[0].started_at is None:
        return []
    last, behaviour = wrote
    ended = now if last.finished_at is None else last.finished_at
    return _written(machine, found.pod, behaviour, wrote[0].started_at, ended)


def _text(rows: list[tuple[Instant, str]], *, stamped: bool) -> str:
    return "".join([f"{f'{rfc3339(at)} ' if stamped else ''}{line}\n" for at, line in rows])


def _logs(machine: Machine, serving: rest.Serving, http: rest.HttpRequest) -> Logs | rest.HttpResponse:
    match = _PATH.fullmatch(http.path)
    assert match is not None, "is_logs has said so"
    namespace, name = match.groups()
    user = taking.user_of(serving, http, paths.target_of(http.method, http.path, watch=False))
    probe = Request(verb="get", resource="pods", namespace=namespace, name=name, subresource="log")
    authorising.authorise(user, probe, serving.store)
    wanted = _wanted(http, name)
    pod = serving.store.get("pods", f"{namespace}/{name}")
    if pod is None:
        raise Refusal(statuses.not_found("pods", name))
    container = connecting.chosen(pod, http.parameter("container"))
    if not pod.spec.node_name:
        # What runs nowhere yet has written nothing.
        return rest.HttpResponse(code=204)
    connecting.kubelet_of(pod, serving.store)
    previous = http.parameter("previous") in _TRUE
    status = _status(pod, container)
    run = _run(pod, container, status, previous=previous)
    rows = _lines(machine, pod, container, run, serving.now)
    text, left = _limited(_shown(rows, wanted, serving.now), wanted.limit)
    follow = http.parameter("follow") in _TRUE and not previous
    applied = machine.programs.logs.get(f"{_uid(pod)}/{container}")
    return Logs(
        pod=f"{namespace}/{name}",
        container=container,
        container_id=(status.container_id or "") if status is not None else "",
        text=text,
        follow=follow,
        until=machine.now,
        node=pod.spec.node_name,
        uid=_uid(pod),
        stamped=wanted.timestamps,
        seen=0 if applied is None else applied.end,
        left=left,
    )


def _status(pod: Any, container: str) -> Any:
    status = pod.status
    every = (*(status.container_statuses or ()), *(status.init_container_statuses or ())) if status is not None else ()
    return next((each for each in every if each.name == container), None)


def _run(pod: Any, container: str, status: Any, *, previous: bool) -> Any:
    """Give the run of a container whose log is asked for: its running or terminated state."""
    name = pod.metadata.name
    if previous:
        last = status.last_state.terminated if status is not None and status.last_state is not None else None
        if last is None:
            raise Refusal(
                statuses.bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
            )
        return last
    state = None if status is None else status.state
    found = None if state is None else state.running or state.terminated
    if found is None and status is not None and status.last_state is not None:
        found = status.last_state.terminated  # of a container that waits to start again
    if found is None:
        waits = state.waiting.reason if state is not None and state.waiting is not None else "ContainerCreating"
        why = _WAITS.get(waits, waits)
        raise Refusal(statuses.bad_request(f'container "{container}" in pod "{name}" is waiting to start: {why}'))
    return found


_WAITS: Final = dict.fromkeys(("ErrImagePull", "ImagePullBackOff"), "trying and failing to pull image")


def _uid(pod: Any) -> str:
    return str((pod.metadata.annotations or {}).get("kubernetes.io/config.hash", pod.metadata.uid))


def _lines(machine: Machine, pod: Any, container: str, run: Any, now: Instant) -> list[tuple[Instant, str]]:
    """Ask the runtime of the pod's node, through its kubelet, for what a run of a container has written."""
    node = pod.spec.node_name
    host = machine.hosts.get(node)
    if host is None or not host.up or not host.connected or machine.processes.get(f"kubelet/{node}") is None:
        address = "" if host is None else host.host.ip
        where = f"https://{address}:10250/containerLogs/{pod.metadata.namespace}/{pod.metadata.name}/{container}"
        raise Refusal(statuses.internal(f'Get "{where}": dial tcp {address}:10250: connect: connection refused'))
    runtime = machine.states.get(f"runtime/{node}")
    applied = machine.programs.logs.get(f"{_uid(pod)}/{container}")
    wrote = None if runtime is None else world.wrote(runtime, _uid(pod), container)
    if wrote is None:
        return []
    last, behaviour = wrote
    began = 0 if run.started_at is None else run.started_at.instant
    finished = getattr(run, "finished_at", None)
    ended = now if finished is None else finished.instant
    if last.started_at is not None and last.started_at // SECOND * SECOND == began:  # the status has whole seconds
        began, ended = last.started_at, now if last.finished_at is None else last.finished_at
    if applied is not None:  # an application writes its own
        rows = [each for each in applied.between(applied.start, applied.end) if began <= each[0] <= ended]
    else:
        rows = _written(machine, f"{pod.metadata.namespace}/{pod.metadata.name}", behaviour, began, ended)
    settings = settings_of(host.host.kubelet)
    return newest(rows, began, ended, most=settings.log_size, every=settings.logs_every)


def _written(
    machine: Machine, pod: str, behaviour: Behaviour, began: Instant, ended: Instant
) -> list[tuple[Instant, str]]:
    """Give what a container has written, with what it has for requests, as these are shared now."""
    rows = written(behaviour, began, ended)
    load = machine.cluster.topology.behaviours.load
    if not load or not any(line.served for line in behaviour.writes):
        return rows
    shares = []
    for key, curve in load.items():
        pods = ready_behind(machine, key)
        if pod in pods:
            shares.append((curve, len(pods)))
    start = machine.cluster.topology.start
    lines = served(behaviour, began, ended, lambda at: sum([curve.at(at, start) // among for curve, among in shares]))
    return sorted([*rows, *lines], key=itemgetter(0))


@attrs.frozen(kw_only=True)
class _Wanted:
    """What of a log is to be shown: its last lines, its first bytes, what is not older, and with times or without."""

    tail: int | None
    limit: int | None
    since_seconds: int | None
    since: Instant | None
    timestamps: bool


def _wanted(http: rest.HttpRequest, name: str) -> _Wanted:
    """Read the request's parameters; refuse with 422 what makes no sense."""
    tail, limit, seconds = [_number(http, parameter) for parameter in ("tailLines", "limitBytes", "sinceSeconds")]
    since = _instant(http.parameter("sinceTime"))
    causes = []
    if tail is not None and tail < 0:
        causes.append(wrong("tailLines", tail, "must be greater than or equal to 0"))
    if limit is not None and limit < 1:
        causes.append(wrong("limitBytes", limit, "must be greater than 0"))
    if seconds is not None and since is not None:
        causes.append(forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    elif seconds is not None and seconds < 1:
        causes.append(wrong("sinceSeconds", seconds, "must be greater than 0"))
    if http.parameter("stream"):
        causes.append(forbidden("stream", "may not be specified"))
    if causes:
        raise Refusal(statuses.invalid("", "PodLogOptions", name, tuple(causes)))
    stamped = http.parameter("timestamps") in _TRUE
    return _Wanted(tail=tail, limit=limit, since_seconds=seconds, since=since, timestamps=stamped)


def _shown(rows: list[tuple[Instant, str]], wanted: _Wanted, now: Instant) -> str:
    """Give of the lines what is wanted, in upstream's order: since, tail."""
    since = wanted.since
    if wanted.since_seconds is not None:
        since = now - wanted.since_seconds * SECOND
    if since is not None:
        rows = [row for row in rows if row[0] >= since]
    if wanted.tail is not None:
        rows = rows[max(len(rows) - wanted.tail, 0) :]
    return _text(rows, stamped=wanted.timestamps)


def _instant(text: str) -> Instant | None:
    if not text:
        return None
    try:
        return Time.parse(text).instant
    except ReconcileError as error:
        raise Refusal(statuses.bad_request(str(error))) from None


def _number(http: rest.HttpRequest, name: str) -> int | None:
    text = http.parameter(name)
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        said = f'strconv.ParseInt: parsing "{text}": invalid syntax'
        raise Refusal(statuses.bad_request(said)) from None
