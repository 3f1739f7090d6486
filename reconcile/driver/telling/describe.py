"""
One line of text for each event and each effect: what scenarios, logs and progress print.

Also the request line: the path and the method under which a REST client sends a request.

Takes:    any value of events and effects; a Request.
Gives:    text.
Source:   https://kubernetes.io/docs/reference/using-api/api-concepts/ for paths; kubectl -v 6 for request lines.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile import effects as do
from reconcile import events as on
from reconcile.api import kinds
from reconcile.cluster.cluster import Cluster
from reconcile.cluster.pending import Decided, Message, Parcel, Posted, Replied, Sent, Syncing
from reconcile.driver.telling.hosts import named, of_host, of_network
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND, Instant, duration_text, rfc3339
from reconcile.model.requests import List, Request, Response

_METHODS: Final = {
    "create": "POST",
    "get": "GET",
    "list": "GET",
    "watch": "GET",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
    "deletecollection": "DELETE",
}


def describe(what: Any, cluster: Cluster | None = None) -> str:
    """
    Give one line of text for an event or an effect.

    Args:
        what: a value of events or effects.
        cluster: where it happens next: then a call or a message is shown in words beside its number, or of a fault
            that hits one instead of it.

    Raises:
        ReconcileError: it is neither an event nor an effect.
    """
    for part in (_of_choice, _of_outside, _of_fault, _of_watch_fault, _of_component, _of_report, _of_order, _of_effect):
        text = part(what, cluster)
        if text:
            return text
    raise ReconcileError(f"neither an event nor an effect: {what!r}")


# Requests
# --------------------------------------------------------------------------------------------------------------


def method_of(request: Request) -> str:
    """Give the HTTP method of a request: POST, GET, PUT, PATCH, DELETE."""
    return _METHODS[request.verb]


def path_of(request: Request) -> str:
    """
    Give the path of a request, with its query.

    A resource that Kubernetes does not define is taken to be v1 of its group, unless the request's body says another
    version.
    """
    parts = [_head(request)]
    plural = request.resource.partition(".")[0]
    if request.namespace:
        parts += ["namespaces", _escaped(request.namespace, _IN_PATH)]
    parts += [plural, _escaped(request.name, _IN_PATH), _escaped(request.subresource, _IN_PATH)]
    path = "/".join([part for part in parts if part])
    query = "&".join([f"{key}={_escaped(value, '')}" for key, value in _query(request) if value])
    return f"{path}?{query}" if query else path


def _head(request: Request) -> str:
    group = request.resource.partition(".")[2]
    version = getattr(request.body, "api_version", None) or ""
    if not request.subresource and version.rpartition("/")[0] == group and version:
        return f"/apis/{version}" if group else f"/api/{version}"
    try:
        return kinds.resource(request.resource).path
    except ReconcileError:
        return f"/apis/{group}/v1" if group else "/api/v1"


def _query(request: Request) -> tuple[tuple[str, str], ...]:
    return (
        ("continue", request.continue_),
        ("dryRun", "All" if request.dry_run else ""),
        ("fieldManager", request.field_manager),
        ("fieldSelector", request.field_selector),
        ("labelSelector", request.label_selector),
        ("limit", str(request.limit or "")),
        ("resourceVersion", request.resource_version),
        ("watch", "true" if request.verb == "watch" else ""),
    )


_IN_PATH: Final = "$&+,:;=@"  # what a path may hold as it is, beside the unreserved characters (RFC 3986)


def _escaped(text: str, allowed: str) -> str:
    if text.isascii() and text.replace("-", "").replace(".", "").isalnum():
        return text
    return "".join(
        [
            chr(octet)
            if chr(octet).isascii() and (chr(octet).isalnum() or chr(octet) in "-_.~" + allowed)
            else f"%{octet:02X}"
            for octet in text.encode("utf-8", "replace")
        ]
    )


def _line(request: Request) -> str:
    return f"{method_of(request)} {path_of(request)}"


# Events of a cluster
# ---------------------------------------------------------------------------------------------------


def _of_choice(what: Any, cluster: Cluster | None) -> str:
    match what:
        case on.Begin(process):
            return f"begin {process}"
        case on.Deliver(process, watch, count):
            return f"deliver {count or 'all'} of {watch} to {process}"
        case on.Work(process, queue):
            return f"work {process} {queue}"
        case on.Execute(call):
            return f"execute {call}{_under_way(cluster, call)}"
        case on.Return(call):
            return f"return {call}{_under_way(cluster, call)}"
        case on.Carry(message):
            return f"carry {message}{_under_way(cluster, message)}"
        case on.Fire(process, key):
            return f"fire {process} {_words(key)}"
        case on.Advance(to):
            return f"advance to {_instant(to)}"
        case _:
            return ""


def _under_way(cluster: Cluster | None, number: int) -> str:
    item = None if cluster is None else cluster.pending.get(number)
    match item:
        case Sent():
            return f": {_line(item.request)} by {item.user.name}"
        case Replied():
            return f": {_answered(item.response)} to {item.process or item.tag[0]}, {_line(item.request)}"
        case Message():
            return f": {describe(item.body)} to {item.process}"
        case Posted():
            return f": {type(item.message).__name__} of term {item.message.term} to {item.process}"
        case Parcel():
            to = item.address if item.back else f"{item.address}:{item.port}"
            return f": {'reply' if item.back else 'message'} of {item.process} to {to or 'nowhere'}"
        case Syncing():
            return f": a write of {item.process} to its disk"
        case Decided():
            return f": {type(item.told).__name__} to {item.process}"
        case _:
            return ""


def _of_outside(what: Any, _: Cluster | None) -> str:
    match what:
        case on.Submit():
            return f"submit {_line(what.request)} by {what.user.name}"
        case on.ReportIn(host, report):
            return f"report in from {host}: {describe(report)}"
        case do.Answer():
            return f"answer {what.client} {what.tag}: {_answered(what.response)} in {duration_text(what.took)}"
        case do.Notice():
            return f"notice to {what.client} {what.tag}: {what.type} {what.object.kind} {named(what.object)}"
        case do.Order(host, order):
            return f"order {host}: {describe(order)}"
        case do.CallWebhook():
            return f"call {what.who} {what.call} at {what.url or what.service}"
        case do.Audit():
            return f"audit {what.event.get('stage')} of {what.event.get('verb')} {what.event.get('requestURI')}"
        case do.Explain(pod, found):
            return f"explain {pod}: {found.get('result')} {found.get('node') or found.get('nominated')}".rstrip()
        case on.WebhookAnswered():
            return f"webhook answered {what.call}: {what.error or what.code}"
        case _:
            return ""


_POWER: Final[dict[type, str]] = {
    on.StopHost: "stop host",
    on.StartHost: "start host",
    on.StopProcess: "stop process",
    on.StartProcess: "start process",
}


def _of_fault(what: Any, cluster: Cluster | None) -> str:
    match what:
        case on.StopHost(name) | on.StartHost(name) | on.StopProcess(name) | on.StartProcess(name):
            return f"{_POWER[what.__class__]} {name}"
        case on.KillContainer() | on.KillSandbox():
            who = f"container {what.container}" if isinstance(what, on.KillContainer) else "sandbox"
            return f"kill {who} of {what.pod}"
        case on.Freeze(process) | on.Thaw(process):
            return f"{'freeze' if isinstance(what, on.Freeze) else 'thaw'} {process}"
        case on.AddHost() | on.SetBackends() | on.Strain() | on.ShutDown() | on.WriteManifest() | on.RemoveManifest():
            return of_host(what)
        case on.DropCall(call):
            return f"drop {called(call, cluster)}"
        case on.RepeatCall(call):
            return f"repeat {called(call, cluster)}"
        case on.DropOrder(message):
            item = None if cluster is None else cluster.pending.get(message)
            whose = f" to {item.process}: {describe(item.body)}" if isinstance(item, Message) else f" {message}"
            return f"drop order{whose}"
        case on.Disconnect() | on.Reconnect() | on.CutLink() | on.MendLink() | on.SlowLink():
            return of_network(what)
        case on.SetClock(host, ahead):
            return f"set the clock of {host} {duration_text(abs(ahead))} {'behind' if ahead < 0 else 'ahead'}"
        case on.DriftClock(host, rate, until):
            goes = f"let the clock of {host} go {abs(rate)} ppm {'slower' if rate < 0 else 'faster'}"
            return goes if until is None else f"{goes}, until it is {duration_text(until)} ahead"
        case on.Compact(revision):
            return f"compact to {revision}"
        case on.HoldCache() | on.ReleaseCache() | on.ResetCall() | on.DelayCall():
            return _of_line_fault(what, cluster)
        case _:
            return _of_member_fault(what, cluster)


def _of_line_fault(what: on.LineFault, cluster: Cluster | None) -> str:
    match what:
        case on.HoldCache(server, behind):
            return f"hold the cache of {server}" + (f" {duration_text(behind)} behind" if behind else "")
        case on.ReleaseCache(server):
            return f"release the cache of {server}"
        case on.ResetCall(call):
            return f"reset {called(call, cluster)}"
        case on.DelayCall(call, time):
            return f"delay {called(call, cluster)} by {duration_text(time)}"


def _of_member_fault(what: Any, cluster: Cluster | None) -> str:
    match what:
        case on.DropMessage(message):
            return f"drop message {message}{_under_way(cluster, message)}"
        case on.Defragment():
            return "defragment etcd"
        case on.Disarm():
            return "disarm etcd's alarm"
        case on.FillDisk(host, full):
            return f"let etcd's disk on {host} {'be full' if full else 'have room'}"
        case on.SlowDisk(host, delay):
            return f"let writes of etcd on {host} take {duration_text(delay)}"
        case on.LoseDisk(host, entries):
            return f"lose {f'the last {entries} entries' if entries else 'all'} of etcd's disk on {host}"
        case on.MoveLeader(host):
            return f"move etcd's leader to {host}"
        case on.ChangeMember(kind, host):
            return f"etcd member {kind}: {host}"
        case on.SaveSnapshot(name, host):
            return f"save snapshot {name} of etcd on {host}"
        case on.RestoreSnapshot(name, hosts):
            return f"restore snapshot {name} of etcd on {', '.join(hosts)}"
        case on.ForceNewCluster(host):
            return f"begin a new cluster of etcd with what {host} has"
        case _:
            return ""


def _of_watch_fault(what: Any, _: Cluster | None) -> str:
    match what:
        case on.CutWatch(process, watch):
            return f"cut {watch} of {process}"
        case on.SkipChanges(process, watch, count):
            return f"skip {count} of {watch} to {process}"
        case on.HoldWatch(process, watch) | on.ReleaseWatch(process, watch):
            return f"{'hold' if isinstance(what, on.HoldWatch) else 'release'} {watch} of {process}"
        case _:
            return ""


def called(call: int, cluster: Cluster | None) -> str:
    """Say what call or answer has this number: `call PUT /api/... of kubelet/node-1`; the number if none is known."""
    item = None if cluster is None else cluster.pending.get(call)
    if not isinstance(item, Sent | Replied):
        return str(call)
    what = "call" if isinstance(item, Sent) else "answer to"
    return f"{what} {_line(item.request)} of {item.process or 'a client'}"


# Events of a component
# -------------------------------------------------------------------------------------------------


def _of_component(what: Any, _: Cluster | None) -> str:
    match what:
        case on.Started():
            return "started"
        case on.Watched(_, watch, changes):
            return f"watched {watch}: {_count(len(changes), 'change')}"
        case on.Answered(_, tag, response):
            return f"answered {_words(tag)}: {_answered(response)}"
        case on.TimerFired(_, key):
            return f"timer fired: {_words(key)}"
        case on.Turned(_, queue):
            return f"turned {queue}"
        case on.Reported(_, report):
            return f"reported {describe(report)}"
        case on.Ordered(_, order):
            return f"ordered {describe(order)}"
        case on.Surrounded(_, uid, container, work=work) if work:
            return f"container {container} of {uid} gets of its queue: {work}"
        case on.Surrounded(_, uid, container, requests, missing):
            said = f"; missing {', '.join(missing)}" if missing else ""
            return f"container {container} of {uid} sees {requests / 10**9:g} requests a second{said}"
        case _:
            return ""


def _of_report(what: Any, _: Cluster | None) -> str:
    match what:
        case on.SandboxReady(uid, ip):
            return f"sandbox of {uid} ready at {ip}"
        case on.SandboxRemoved(uid) | on.SandboxLost(uid):
            return f"sandbox of {uid} {'removed' if isinstance(what, on.SandboxRemoved) else 'lost'}"
        case on.SandboxFailed(uid, message):
            return f"sandbox of {uid} could not be made: {message}"
        case on.ImagePulled(uid, container, image, present, took):
            how = "was present" if present else f"pulled in {duration_text(took)}"
            return f"image {image} {how} for {container} of {uid}"
        case on.ImagePullFailed(uid, container, image, message):
            return f"image {image} not pulled for {container} of {uid}: {message}"
        case on.ContainerStarted(uid, container):
            return f"container {container} of {uid} started"
        case on.ContainerExited(uid, container, _, code, reason, message):
            return f"container {container} of {uid} exited with {code}, {reason}{_added(message)}"
        case on.Probed(uid, container, kind, success, message):
            return f"{kind} probe of {container} of {uid} {'succeeded' if success else 'failed'}{_added(message)}"
        case on.ContainerResized(uid, container):
            return f"container {container} of {uid} resized"
        case on.ContainerUses(uid, container, memory, disk):
            return f"container {container} of {uid} uses {memory} bytes of memory, {disk} of disk"
        case on.Hooked(uid, container, kind, success):
            return f"{kind} hook of {container} of {uid} {'succeeded' if success else 'failed'}"
        case on.HostStrained() | on.HostShutsDown() | on.ManifestsChanged():
            return _of_host_report(what)
        case _:
            return ""


def _of_host_report(what: on.HostStrained | on.HostShutsDown | on.ManifestsChanged) -> str:
    match what:
        case on.HostStrained(signal, available):
            return f"host strained: {signal} {available if available >= 0 else 'as at first'}"
        case on.HostShutsDown(cancelled):
            return "host does not shut down" if cancelled else "host shuts down"
        case on.ManifestsChanged(manifests):
            return f"manifests changed: {', '.join(map(named, manifests)) or 'none'}"


# Effects
# ---------------------------------------------------------------------------------------------------------------


def _of_order(what: Any, _: Cluster | None) -> str:
    match what:
        case do.RunPodSandbox(pod, uid):
            return f"run sandbox of {uid}, {pod}"
        case do.StopPodSandbox(uid):
            return f"stop sandbox of {uid}"
        case do.PullImage(uid, container, image):
            return f"pull image {image} for {container} of {uid}"
        case do.StartContainer(uid, container, image, attempt):
            again = f", attempt {attempt}" if attempt else ""
            return f"start container {container} of {uid}, image {image}{again}"
        case do.StopContainer(uid, container, grace):
            return f"stop container {container} of {uid} within {duration_text(grace)}"
        case do.ProbeContainer(uid, container, kind):
            return f"{kind} probe of {container} of {uid}"
        case do.RunHook(uid, container, kind):
            return f"run {kind} hook of {container} of {uid}"
        case do.ResizeContainer(uid, container):
            return f"resize container {container} of {uid}"
        case do.RemoveImage(image):
            return f"remove image {image}"
        case do.Install():
            return "install packet filter rules"
        case _:
            return ""


def _of_volume(what: do.DiscardVolumes | do.WriteVolume) -> str:
    if isinstance(what, do.DiscardVolumes):
        return f"discard volumes of {what.uid}"
    return f"write volume {what.volume} of {what.uid}: {', '.join(sorted(what.files)) or 'nothing'}"


def _of_effect(what: Any, _: Cluster | None) -> str:
    match what:
        case do.Call(request):
            return f"call {_line(request)}"
        case do.SetTimer(key, at, periodic):
            return f"set {'periodic ' if periodic else ''}timer {_words(key)} to {_instant(at)}"
        case do.CancelTimer(key):
            return f"cancel timer {_words(key)}"
        case do.OpenWatch() | do.CloseWatch():
            return f"watch {what.watch} {'from now on' if isinstance(what, do.OpenWatch) else 'no more'}"
        case do.Wake(queue):
            return f"wake {queue}"
        case do.Record(about, kind, reason, message):
            return f"record {kind} {reason} about {named(about)}: {message}"
        case do.Exit(code, message):
            return f"exit with {code}{_added(message)}"
        case do.Report(report):
            return f"report {describe(report)}"
        case do.LaunchApplication(process):
            return f"launch the application {process}"
        case do.SignalProcess(process):
            return f"signal {process}"
        case do.LookAround(uid, container, queue, work) if queue:
            return f"container {container} of {uid} turns to queue {queue}: {work}"
        case do.LookAround(uid, container):
            return f"container {container} of {uid} looks around"
        case do.DiscardVolumes() | do.WriteVolume():
            return _of_volume(what)
        case do.LaunchProcess(process) | do.EndProcess(process):
            return f"{'launch' if isinstance(what, do.LaunchProcess) else 'end'} {process}"
        case _:
            return ""


# Parts
# -----------------------------------------------------------------------------------------------------------------


def _answered(response: Response) -> str:
    body = response.body
    if not response.code:
        return f"no answer{_added(getattr(body, 'message', None) or '')}"
    if not response.ok:
        return f"{response.code} {response.reason or 'refused'}{_added(getattr(body, 'message', None) or '')}"
    if isinstance(body, List):
        return f"{response.code} {_count(len(body.items), 'object')} of {body.resource}"
    return f"{response.code} {named(body)}" if body is not None else str(response.code)


def _words(key: Any) -> str:
    """Give a timer's key or a tag in words: its parts, one after the other."""
    if isinstance(key, tuple):
        return " ".join([word for part in key if (word := _words(part))])
    return "" if key is None else str(key)


def _instant(at: Instant) -> str:
    """Give an instant exactly: RFC 3339 with as many digits of a second as it has."""
    rest = at % SECOND
    return f"{rfc3339(at)[:-1]}.{rest:09d}".rstrip("0") + "Z" if rest else rfc3339(at)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _added(text: str) -> str:
    return f": {text}" if text else ""
