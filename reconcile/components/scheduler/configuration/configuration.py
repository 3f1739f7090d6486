"""
Configuration: what a KubeSchedulerConfiguration says, read whole and checked.

Takes:    KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1, as plain values.
Gives:    Configuration.
Source:   https://kubernetes.io/docs/reference/config-api/kube-scheduler-config.v1/; ValidateKubeSchedulerConfiguration.
Left out: `parallelism` (a turn looks at all nodes at once), `clientConnection`, profiling and
          `delayCacheUntilActive` are checked and do nothing: there is nothing here that they could change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from reconcile.api.scalars import freeze, thaw
from reconcile.components.scheduler.configuration.arguments import arguments_of, with_arguments
from reconcile.components.scheduler.configuration.extenders import Extender, extenders_of
from reconcile.components.scheduler.configuration.points import PLUGINS, POINTS, Taking, taking_part
from reconcile.components.scheduler.configuration.sections import Section, told
from reconcile.components.scheduler.framework.profile import DEFAULT, FILTERS, WEIGHT_FIELDS, Profile
from reconcile.components.scheduler.plugin import Own, Plugin, said
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND, Duration
from reconcile.lib.mapping import Map

API_VERSION: Final = "kubescheduler.config.k8s.io/v1"
KIND: Final = "KubeSchedulerConfiguration"
_FIELDS: Final = (
    "apiVersion",
    "kind",
    "parallelism",
    "leaderElection",
    "clientConnection",
    "enableProfiling",
    "enableContentionProfiling",
    "percentageOfNodesToScore",
    "podInitialBackoffSeconds",
    "podMaxBackoffSeconds",
    "profiles",
    "extenders",
    "delayCacheUntilActive",
)
_PERCENT: Final = 100
_BINDER: Final = "DefaultBinder"  # it never leaves a pod to others


@attrs.frozen(kw_only=True)
class Election:
    """
    How schedulers agree who works.

    Args:
        elects: whether they do; if not, each of them works.
        lease_duration, renew_deadline, retry_period: as for every candidate.
        name, namespace: of the lock.
    """

    elects: bool = True
    lease_duration: Duration = 15 * SECOND
    renew_deadline: Duration = 10 * SECOND
    retry_period: Duration = 2 * SECOND
    name: str = "kube-scheduler"
    namespace: str = "kube-system"


@attrs.frozen(kw_only=True)
class Configuration:
    """
    How a scheduler works.

    Args:
        profiles: by which pods are scheduled; each has another name.
        initial_backoff, longest_backoff: how long a pod waits after its first try, and at most.
        extenders: who else is asked.
        election: how schedulers agree who works.
        explanations: where it says why it decided as it did: in the `log`, on the `pods`; nothing of it is in a
            KubeSchedulerConfiguration.
    """

    profiles: tuple[Profile, ...] = (DEFAULT,)
    initial_backoff: Duration = SECOND
    longest_backoff: Duration = 10 * SECOND
    extenders: tuple[Extender, ...] = ()
    election: Election = Election()
    explanations: tuple[str, ...] = ()


DEFAULTS: Final = Configuration()


def configuration_of(plain: Any, own: tuple[Plugin, ...] | None = None) -> Configuration:
    """
    Read a KubeSchedulerConfiguration.

    Args:
        plain: the document.
        own: plugins of the user's own that it may name; None: it may name any, which then take no part.

    Raises:
        ReconcileError: it is none, or says what cannot be; where it stands is said.
    """
    if isinstance(plain, Map):
        plain = thaw(plain)
    if not isinstance(plain, Mapping):
        raise ReconcileError(f"{plain!r} is no {KIND}")
    version, kind = plain.get("apiVersion"), plain.get("kind")
    if (version, kind) != (API_VERSION, KIND):
        raise ReconcileError(f"{kind!r} of {version!r} is no {KIND} of {API_VERSION}")
    faults = [
        f"plugin {each.name}: there is one of Kubernetes' own of that name"
        for each in own or ()
        if each.name in PLUGINS
    ]
    section = Section(plain, "", faults, _FIELDS)
    election = _election(section)
    _check_unheeded(section)
    share = _share(section, 0)
    extenders, unseen = extenders_of(section)
    profiles = _profiles(section, share, unseen, faults, own)
    initial, longest = section.number("podInitialBackoffSeconds", 1), section.number("podMaxBackoffSeconds", 10)
    if initial <= 0:
        section.invalid("podInitialBackoffSeconds", initial, "must be greater than 0")
    if longest < initial:
        section.invalid("podMaxBackoffSeconds", longest, "must be greater than or equal to PodInitialBackoffSeconds")
    told(faults)
    return Configuration(
        profiles=profiles,
        initial_backoff=initial * SECOND,
        longest_backoff=longest * SECOND,
        extenders=extenders,
        election=election,
    )


def profile_of(plain: Any, name: str = DEFAULT.name, own: tuple[Plugin, ...] | None = None) -> Profile:
    """
    Read the profile *name* of a KubeSchedulerConfiguration.

    Raises:
        ReconcileError: it is no such configuration, or has no such profile.
    """
    for each in configuration_of(plain, own).profiles:
        if each.name == name:
            return each
    raise ReconcileError(f"profiles: none has the schedulerName {name!r}")


def _profiles(
    section: Section, share: int, unseen: tuple[str, ...], faults: list[str], own: tuple[Plugin, ...] | None
) -> tuple[Profile, ...]:
    found = section.sections("profiles", ("schedulerName", "percentageOfNodesToScore", "plugins", "pluginConfig"))
    if not found:
        return (attrs.evolve(DEFAULT, share=share, ignored=unseen),)
    profiles: list[Profile] = []
    sorting: list[object] = []
    for place, each in enumerate(found):
        name = each.text("schedulerName") or (DEFAULT.name if len(found) == 1 else "")
        if not name:
            each.required("schedulerName")
        earlier = [other.name for other in profiles]
        if name and name in earlier:
            each.fault("schedulerName", f'Duplicate value: "profiles[{earlier.index(name)}].schedulerName"')
        plugins = each.section("plugins", (*POINTS, "multiPoint"))
        sorting.append(plugins.plain("queueSort"))
        if place and sorting[place] != sorting[0]:
            plugins.invalid("queueSort", sorting[place], "must be the same for all profiles")
        taking = taking_part(plugins, faults, None if own is None else {plugin.name: plugin.points for plugin in own})
        profile = attrs.evolve(_profile(name, taking), own=_own(taking, own or (), arguments_of(each)))
        profile = attrs.evolve(profile, order=_order(taking.at["filter"], profile))
        profile = with_arguments(attrs.evolve(profile, share=_share(each, share)), each)
        profiles.append(attrs.evolve(profile, ignored=(*profile.ignored, *unseen)))
    return tuple(profiles)


def _profile(name: str, taking: Taking) -> Profile:
    at = taking.at
    weights: dict[str, Any] = {field: taking.weights.get(plugin, 0) for plugin, field in WEIGHT_FIELDS.items()}
    return Profile(
        name=name,
        filters=tuple([plugin for plugin in FILTERS if plugin in at["filter"]]),
        prefilters=tuple([plugin for plugin in at["preFilter"] if plugin in FILTERS]),
        preempts="DefaultPreemption" in at["postFilter"],
        gates="SchedulingGates" in at["preEnqueue"],
        volumes="VolumeBinding" in at["reserve"] and "VolumeBinding" in at["preBind"],
        **weights,
    )


def _order(asked: tuple[str, ...], profile: Profile) -> tuple[str, ...]:
    """Give the filters in the order in which they are asked, if that is not the usual one."""
    own = [each.plugin.name for each in profile.own if each.at("filter")]
    wanted = tuple([name for name in asked if name in FILTERS or name in own])
    return () if wanted == (*profile.filters, *own) else wanted


def _own(taking: Taking, plugins: tuple[Plugin, ...], arguments: Mapping[str, Any]) -> tuple[Own, ...]:
    """Give the user's plugins that take part, in the order in which they are given, as their arguments say."""
    found: list[Own] = []
    for plugin in plugins:
        points = tuple([point for point, names in taking.at.items() if _is_asked(plugin.name, point, names)])
        if points:
            told_so = plugin.configured
            plain: Any = freeze(arguments.get(plugin.name, {}))
            chosen = plugin if told_so is None else said(plugin.name, "configured", told_so(plain), Plugin)
            found.append(Own(chosen, points, taking.weights.get(plugin.name, 1)))
    return tuple(found)


def _is_asked(name: str, point: str, names: tuple[str, ...]) -> bool:
    """Tell whether a plugin is asked at a point; after DefaultBinder, which binds every pod, nobody is."""
    if point == "bind" and _BINDER in names:
        names = names[: names.index(_BINDER)]
    return name in names


def _share(section: Section, default: int) -> int:
    share = section.number("percentageOfNodesToScore", default)
    if section.plain("percentageOfNodesToScore") is not None:  # of a default it is said where that stands
        section.within("percentageOfNodesToScore", share, 0, _PERCENT, "not in valid range [0-100]")
    return share


def _election(section: Section) -> Election:
    fields = ("leaseDuration", "renewDeadline", "retryPeriod")
    found = section.section(
        "leaderElection", ("leaderElect", *fields, "resourceLock", "resourceName", "resourceNamespace")
    )
    default = Election()
    elects = found.truth("leaderElect", default=True)
    lease, deadline, retry = (
        found.duration("leaseDuration") or default.lease_duration,
        found.duration("renewDeadline") or default.renew_deadline,
        found.duration("retryPeriod") or default.retry_period,
    )
    if elects:
        for field, length in zip(fields, (lease, deadline, retry), strict=True):
            if length <= 0:
                found.invalid(field, found.text(field), "must be greater than zero")
        if lease <= deadline:
            found.invalid("leaseDuration", found.text("renewDeadline", "10s"), "must be greater than `RenewDeadline`")
        elif not 0 < retry * 6 // 5 < deadline:
            found.invalid(
                "renewDeadline", found.text("renewDeadline", "10s"), "must be greater than RetryPeriod*JitterFactor"
            )
        lock = found.text("resourceLock", "leases")
        if lock != "leases":
            found.invalid("resourceLock", lock, 'resourceLock value must be "leases"')
    return Election(
        elects=elects,
        lease_duration=lease,
        renew_deadline=deadline,
        retry_period=retry,
        name=found.text("resourceName") or default.name,
        namespace=found.text("resourceNamespace") or default.namespace,
    )


def _check_unheeded(section: Section) -> None:
    """Check what is read and changes nothing here."""
    parallelism = section.number("parallelism", 16)
    if parallelism <= 0:
        section.invalid("parallelism", parallelism, "should be an integer value greater than zero")
    fields = ("kubeconfig", "acceptContentTypes", "contentType", "qps", "burst")
    burst = section.section("clientConnection", fields).number("burst")
    if burst < 0:
        section.section("clientConnection", fields).invalid("burst", burst, "must be non-negative")
    for name in ("enableProfiling", "enableContentionProfiling", "delayCacheUntilActive"):
        section.truth(name)
