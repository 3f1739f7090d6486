"""
Extenders: programs of somebody else's that have a say in scheduling, as a configuration names them.

Takes:    the `extenders` of a KubeSchedulerConfiguration.
Gives:    Extender.
Source:   kube-scheduler's config v1 Extender; validateExtenders; NewHTTPExtender.
Left out: files are read by whoever takes the configuration from outside, and given here as data.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any, Final

import attrs

from reconcile.components.scheduler.configuration.sections import Section
from reconcile.lib.instant import SECOND, Duration

DEFAULT_TIMEOUT: Final = 5 * SECOND
_FIELDS: Final = (
    "urlPrefix",
    "filterVerb",
    "preemptVerb",
    "prioritizeVerb",
    "weight",
    "bindVerb",
    "enableHTTPS",
    "tlsConfig",
    "httpTimeout",
    "nodeCacheCapable",
    "managedResources",
    "ignorable",
)

_TLS: Final = ("insecure", "serverName", "certFile", "keyFile", "caFile", "certData", "keyData", "caData")


@attrs.frozen(kw_only=True)
class Extender:
    """
    One extender.

    Args:
        url: what each verb is appended to, without a slash at its end.
        filters, preempts, prioritizes, binds: the verb of each call; empty if it is not asked for that.
        weight: what its priorities are multiplied by.
        timeout: how long it is waited for.
        knows_nodes: whether it is told the names of nodes alone.
        managed: the extended resources for which it is asked; every pod's if there are none.
        ignorable: whether a pod is scheduled all the same if it cannot be asked.
        authority: the certificates by which its own is known, PEM in base64; empty: those of the machine.
        server_name: the name that its certificate has to have; empty: that of the URL.
        certificate, key: what the scheduler shows it, PEM in base64; empty: nothing.
        insecure: whether its certificate is not looked at.
    """

    url: str
    filters: str = ""
    preempts: str = ""
    prioritizes: str = ""
    binds: str = ""
    weight: int = 1
    timeout: Duration = DEFAULT_TIMEOUT
    knows_nodes: bool = False
    managed: tuple[str, ...] = ()
    ignorable: bool = False
    authority: str = ""
    server_name: str = ""
    certificate: str = ""
    key: str = ""
    insecure: bool = False


def extenders_of(section: Section) -> tuple[tuple[Extender, ...], tuple[str, ...]]:
    """Read the extenders, and give with them the resources that the scheduler itself is not to look at."""
    found: list[Extender] = []
    managed: list[str] = []
    unseen: list[str] = []
    listed = section.sections("extenders", _FIELDS)
    for each in listed:
        weight = each.number("weight")
        if each.text("prioritizeVerb") and weight <= 0:
            each.invalid("weight", weight, "must have a positive weight applied to it")
        resources: list[str] = []
        for resource in each.sections("managedResources", ("name", "ignoredByScheduler")):
            name = resource.text("name")
            _check_resource(resource, name)
            if name in managed:
                resource.invalid("name", name, "duplicate extender managed resource name")
            managed.append(name)
            resources.append(name)
            if resource.truth("ignoredByScheduler"):
                unseen.append(name)
        found.append(
            Extender(
                url=each.text("urlPrefix").rstrip("/"),
                filters=each.text("filterVerb"),
                preempts=each.text("preemptVerb"),
                prioritizes=each.text("prioritizeVerb"),
                binds=each.text("bindVerb"),
                weight=weight,
                timeout=each.duration("httpTimeout") or DEFAULT_TIMEOUT,
                knows_nodes=each.truth("nodeCacheCapable"),
                managed=tuple(resources),
                ignorable=each.truth("ignorable"),
                **_tls(each.section("tlsConfig", _TLS), secured=each.truth("enableHTTPS")),
            )
        )
    binders = sum([bool(each.binds) for each in found])
    if binders > 1:
        said = f"found {binders} extenders implementing bind"
        section.invalid("extenders", said, "only one extender can implement bind")
    # Those that may fail are asked last.
    return tuple(sorted(found, key=_ignorable)), tuple(unseen)


def _tls(section: Section, *, secured: bool) -> dict[str, Any]:
    """Read how an extender is known, and what it is shown; one that is *secured* with nothing to know it by is not."""
    said = {name: section.text(name) for name in _TLS if name != "insecure"}
    insecure, known = section.truth("insecure"), bool(said["caData"] or said["caFile"])
    if insecure and known:
        section.fault("insecure", "specifying a root certificates file with the insecure flag is not allowed")
    for name in ("caData", "certData", "keyData"):
        try:
            b64decode(said[name], validate=True).decode()
        except ValueError:
            section.invalid(name, said[name] if name != "keyData" else "...", "is no text in base64")
    shows = bool(said["certData"] and said["keyData"])
    return {
        "authority": said["caData"],
        "server_name": said["serverName"],
        "certificate": said["certData"] if shows else "",
        "key": said["keyData"] if shows else "",
        "insecure": insecure or (secured and not known),
    }


def _ignorable(extender: Extender) -> bool:
    return extender.ignorable


def _check_resource(section: Section, name: str) -> None:
    before = name
    section.qualified("name", name)
    prefix, slash, _ = before.partition("/")
    if not slash or prefix == "kubernetes.io" or prefix.endswith(".kubernetes.io") or name.startswith("requests."):
        section.invalid("name", name, "is an invalid extended resource name")
