"""The components that a cluster's processes run, by kind: how each begins, steps, watches, and as whom it calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from reconcile.cluster.topology import Topology
from reconcile.components import (
    apiserver,
    applications,
    controllers,
    etcd,
    frozen,
    kubelet,
    kubeproxy,
    network,
    scheduler,
    world,
)
from reconcile.components.scheduler.configuration import DEFAULTS, Configuration, configuration_of
from reconcile.components.scheduler.plugin import Plugin
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.model.behaviours import Behaviours
from reconcile.model.clouds import Cloud
from reconcile.model.devices import DeviceDriver
from reconcile.model.drivers import Driver
from reconcile.model.hosts import Host
from reconcile.model.programs import ELECTOR, NONE, Options, controllers_left_out
from reconcile.model.requests import User
from reconcile.model.watches import Watch


@attrs.frozen
class Setting:
    """What a process finds when it begins: its host, its dice, and what the cluster was booted with."""

    host: Host
    dice: Dice
    behaviours: Behaviours
    controllers: tuple[Any, ...]
    disk: Any = None
    kept: Any = None
    status: Any = None
    managed_fields: bool = False
    service_cidr: str = ""
    masters: tuple[Host, ...] = ()
    heartbeats: bool = True
    without: tuple[str, ...] = ()
    feature_gates: Map[bool] = Map()
    webhooks: bool = False
    drivers: tuple[Driver, ...] = ()
    device_drivers: tuple[DeviceDriver, ...] = ()
    cloud: Cloud | None = None
    stages: tuple[Any, ...] = ()
    keeping: Any = None
    cluster_cidr: str = ""
    node_cidr_mask_size: int = 24
    application: Any = None
    place: Any = None
    scheduler: Configuration = DEFAULTS
    options: Options = NONE

    def pods(self) -> Any:
        """Give the range of which nodes get their parts for pods, if they do."""
        options = self.options
        if not self.cluster_cidr:
            return None  # each host has its own
        if not options.given:
            cidr, size, services = self.cluster_cidr, self.node_cidr_mask_size, self.service_cidr
        else:
            allocates = options.truth("allocate-node-cidrs", default=True)
            cidr = options.text("cluster-cidr", self.cluster_cidr) if allocates else ""
            size = options.number("node-cidr-mask-size", self.node_cidr_mask_size)
            services = options.text("service-cluster-ip-range", self.service_cidr)
        return controllers.Range(cidr, size, services) if cidr else None

    def gates(self) -> Map[bool]:
        """Give the feature gates that are otherwise than by default: the cluster's, and the program's own."""
        gates = self.options.gates
        return self.feature_gates.merge(gates) if gates else self.feature_gates

    def left_out(self) -> tuple[str, ...]:
        """Name the controllers that are left out: in the cluster, and by the program's flags."""
        words = self.options.words("controllers")
        return (*self.without, *controllers_left_out(words)) if words else self.without


def scheduling(topology: Topology, own: tuple[Any, ...]) -> Configuration:
    """
    Give how the schedulers of a cluster work.

    Args:
        topology: the cluster's.
        own: what runs of the user's own: plugins among it.

    Raises:
        ReconcileError: a plugin is named that there is not.
    """
    plugins = tuple([each for each in own if isinstance(each, Plugin)])
    if not topology.scheduler:
        found = DEFAULTS
    else:
        try:
            found = configuration_of(topology.scheduler, plugins)
        except ReconcileError as error:
            raise ReconcileError(f"topology: scheduler: {error}") from None
    return attrs.evolve(found, explanations=topology.explanations) if topology.explanations else found


def controllers_among(own: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give the controllers among what runs of the user's own."""
    return tuple([each for each in own if not isinstance(each, Plugin | applications.Application)])


@attrs.frozen(kw_only=True)
class Component:
    """
    A kind of process.

    Args:
        begin: makes its first state.
        step: the component's own.
        watches: what it watches, asked when it begins to work.
        user: the user name and groups that it authenticates with; `{host}` stands for its host's name.
        elected: whether of several only the leader works.
    """

    begin: Callable[[Setting], Any]
    step: Callable[[Any, Any], tuple[Any, tuple[Any, ...]]]
    watches: Callable[[Any], tuple[Watch, ...]]
    user: tuple[str, tuple[str, ...]]
    elected: bool = False

    def user_on(self, host: str) -> User:
        """Give the identity of such a process on *host*."""
        name, groups = self.user
        return User(name=name.format(host=host), groups=(*groups, "system:authenticated"))


FROZEN: Final = "frozen"
"""The kind of a process that is paused."""


def applications_among(own: tuple[Any, ...]) -> tuple[applications.Application, ...]:
    """Give the applications among what is the user's own."""
    return tuple([each for each in own if isinstance(each, applications.Application)])


def _around(setting: Setting) -> tuple[Any, ...]:
    return controllers.around(
        setting.drivers,
        setting.cloud,
        setting.stages,
        equipment=setting.device_drivers,
        seed=setting.dice.seed,
        heartbeats=setting.heartbeats,
    )


def _nothing(_: Any) -> tuple[Watch, ...]:
    return ()


def _found(setting: Setting) -> Any:
    """Give what a kubelet finds that starts: when containers began and ended, by what the host's clock showed then."""
    running, status = world.containers(setting.disk), setting.status
    if status is None or not (status.past or status.host.clock_skew or status.drifting):
        return running

    def shown(container: Any) -> Any:
        times = {name: getattr(container, name) for name in ("started_at", "finished_at")}
        return attrs.evolve(container, **{name: status.showed(at) for name, at in times.items() if at is not None})

    pods = [attrs.evolve(pod, containers=tuple([shown(each) for each in pod.containers])) for pod in running.pods]
    return attrs.evolve(running, pods=tuple(pods))


def _kubelet(setting: Setting) -> Any:
    made = kubelet.begin(
        setting.host,
        setting.dice,
        running=_found(setting),
        heartbeats=setting.heartbeats,
        drivers=setting.drivers,
        device_drivers=tuple([each for each in setting.device_drivers if each.runs_on(setting.host.name)]),
        wholes=setting.managed_fields,
        kept=setting.kept,
    )
    read = not setting.host.external and applications_among(setting.controllers)
    return kubelet.with_readers(made) if read else made


COMPONENTS: Final[dict[str, Component]] = {
    "etcd": Component(
        begin=lambda setting: etcd.begin(setting.host.name, setting.keeping, setting.dice, setting.options),
        step=etcd.step,
        watches=_nothing,
        user=("system:etcd", ()),
    ),
    "kube-apiserver": Component(
        begin=lambda setting: apiserver.begin(
            setting.host.name,
            setting.dice,
            managed_fields=setting.managed_fields,
            service_cidr=setting.service_cidr,
            feature_gates=setting.feature_gates,
            webhooks=setting.webhooks,
            peers={host.name: host.ip for host in setting.masters},
            options=setting.options,
        ),
        step=apiserver.appear,
        watches=_nothing,
        user=("system:apiserver", ("system:masters",)),
    ),
    "kube-controller-manager": Component(
        begin=lambda setting: controllers.begin(
            (
                *controllers.standard(
                    seed=setting.dice.seed,
                    heartbeats=setting.heartbeats,
                    without=setting.left_out(),
                    feature_gates=setting.gates(),
                    pods=setting.pods(),
                    options=setting.options,
                ),
                *map(
                    controllers.identified,
                    (*_around(setting), *controllers_among(setting.controllers)),
                ),
            ),
            setting.dice,
        ),
        step=controllers.step,
        watches=controllers.watches,
        user=("system:kube-controller-manager", ()),
        elected=True,
    ),
    "kube-scheduler": Component(
        begin=lambda setting: scheduler.begin(setting.dice, setting.scheduler, setting.gates()),
        step=scheduler.step,
        watches=scheduler.watches,
        user=("system:kube-scheduler", ()),
        elected=True,
    ),
    "kubelet": Component(
        begin=_kubelet,
        step=kubelet.step,
        watches=kubelet.watches,
        user=("system:node:{host}", ("system:nodes",)),
    ),
    "kube-proxy": Component(
        begin=lambda setting: kubeproxy.begin(setting.host.name, setting.dice),
        step=kubeproxy.step,
        watches=kubeproxy.watches,
        user=("system:kube-proxy", ()),
    ),
    # The part of an API server that elects leaders: a process of its own only here.
    ELECTOR: Component(
        begin=lambda setting: controllers.begin(controllers.ELECTING, setting.dice),
        step=controllers.step,
        watches=controllers.watches,
        user=("system:apiserver", ("system:masters",)),
        elected=True,
    ),
    # A client's watch, while it lasts: it begins with the request, not with a container.
    "watch": Component(
        begin=lambda _: None,
        step=apiserver.step,
        watches=apiserver.watches,
        user=("", ()),
    ),
    # A container that runs an application; its user is its pod's ServiceAccount.
    "application": Component(
        begin=lambda setting: applications.begin(setting.application, setting.place),
        step=applications.step,
        watches=applications.watches,
        user=("", ()),
    ),
    # What any process is while it is frozen.
    FROZEN: Component(begin=lambda _: None, step=frozen.step, watches=_nothing, user=("", ())),
    # What is between API servers and those who call them, where a balancer stands in front: it is there from the
    # beginning, on no host.
    "network": Component(
        begin=lambda _: None,
        step=network.step,
        watches=_nothing,
        user=("", ()),
    ),
    "runtime": Component(
        begin=lambda setting: setting.disk,
        step=world.step,
        watches=_nothing,
        user=("", ()),
    ),
}


def host_processes(host: Host) -> tuple[str, ...]:
    """
    Name what starts when a host is powered on: its kubelet, and the simulated container runtime unless it has a real
    one.
    """
    return ("kubelet",) if host.external else ("runtime", "kubelet")
