"""
Extenders: programs of somebody else's that have a say in scheduling, as a configuration names them.

Takes:    the `extenders` of a KubeSchedulerConfiguration.
Gives:    Extender.
Source:   kube-scheduler's config v1 Extender; validateExtenders; NewHTTPExtender.
Left out: of `tlsConfig` all but `caData` and `insecure`; see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from base64 import b64decode
from typing import Final

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
        authority: the certificates by which its own is known, PEM in base64; empty: any is taken.
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
                authority=_authority(each.section("tlsConfig", _TLS)),
            )
        )
    binders = sum([bool(each.binds) for each in found])
    if binders > 1:
        said = f"found {binders} extenders implementing bind"
        section.invalid("extenders", said, "only one extender can implement bind")
    # Those that may fail are asked last.
    return tuple(sorted(found, key=_ignorable)), tuple(unseen)


def _authority(section: Section) -> str:
    """Read by which certificates an extender is known."""
    authority, insecure = section.text("caData"), section.truth("insecure")
    for name in _TLS:
        if name not in ("insecure", "caData"):
            section.text(name)
    if insecure and (authority or section.text("caFile")):
        section.fault("insecure", "specifying a root certificates file with the insecure flag is not allowed")
    if authority:
        try:
            b64decode(authority, validate=True).decode()
        except ValueError:
            section.invalid("caData", authority, "is no text in base64")
    return authority


def _ignorable(extender: Extender) -> bool:
    return extender.ignorable


def _check_resource(section: Section, name: str) -> None:
    before = name
    section.qualified("name", name)
    prefix, slash, _ = before.partition("/")
    if not slash or prefix == "kubernetes.io" or prefix.endswith(".kubernetes.io") or name.startswith("requests."):
        section.invalid("name", name, "is an invalid extended resource name")
