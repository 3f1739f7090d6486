"""
Hosts: what befalls machines and the network, as `describe` says it.

Takes:    events.
Gives:    text.
"""

from __future__ import annotations

from typing import Any

from reconcile import events as on
from reconcile.lib.instant import duration_text


def named(obj: Any) -> str:
    """Name an API object, or a reference to one: `Pod default/web-1`."""
    kind = getattr(obj, "kind", None) or type(obj).__name__
    place = getattr(obj, "metadata", None) or obj
    name = getattr(place, "name", None) or ""
    namespace = getattr(place, "namespace", None)
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}".rstrip()


def of_network(what: on.Disconnect | on.Reconnect | on.CutLink | on.MendLink | on.SlowLink) -> str:
    """Say what becomes of the network."""
    match what:
        case on.Disconnect(host):
            return f"disconnect {host}"
        case on.Reconnect(host):
            return f"reconnect {host}"
        case on.CutLink(one, other, one_way) | on.MendLink(one, other, one_way):
            does = "cut" if isinstance(what, on.CutLink) else "mend"
            return f"{does} the link {'from' if one_way else 'of'} {one} {'to' if one_way else 'and'} {other}"
        case on.SlowLink(one, other, delay, jitter, loss, one_way):
            way = f"from {one} to {other}" if one_way else f"between {one} and {other}"
            pace = f"take {duration_text(delay)} to {duration_text(delay + jitter)}, and {loss} ppm of it be lost"
            return f"let what goes {way} {pace if delay or jitter or loss else 'be as fast as ever'}"


def of_host(what: on.AddHost | on.SetBackends | on.Strain | on.ShutDown | on.WriteManifest | on.RemoveManifest) -> str:
    """Say what befalls a host, or is done to its disk."""
    match what:
        case on.AddHost(host):
            return f"add host {host.name}"
        case on.SetBackends(hosts):
            return f"let the balancer send to {', '.join(hosts)}"
        case on.Strain(host, signal, available):
            return f"strain {host}: {signal} {available or 'as at first'}"
        case on.ShutDown(host, cancelled):
            return f"{'cancel the shutdown of' if cancelled else 'shut down'} {host}"
        case on.WriteManifest(host, manifest):
            return f"write manifest {named(manifest)} to {host}"
        case on.RemoveManifest(host, pod):
            return f"remove manifest {pod} from {host}"
