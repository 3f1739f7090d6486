"""
What the fields of a topology and of its hosts hold, checked when one is made.

Takes:    a Topology or a Host.
Gives:    nothing; a ReconcileError for the first field that holds something else.
Source:   the annotations of the two classes.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconcile.api import core_v1, resource_v1
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.model.balancers import Balancer
from reconcile.model.behaviours import Behaviour, Behaviours
from reconcile.model.clouds import Cloud
from reconcile.model.devices import DeviceDriver, DevicePool
from reconcile.model.drivers import Driver, DriverFault
from reconcile.model.hosts import Host
from reconcile.model.links import Link


def check_types(value: Any, path: str) -> None:
    """
    Check the fields of a Topology or of a Host.

    Args:
        value: what was made.
        path: where it stands, up to the name of a field.

    Raises:
        ReconcileError: a field holds what it cannot; its path and the value are shown.
    """
    for name, (wanted, holds) in _FIELDS.items():
        found = getattr(value, name, None)
        if hasattr(value, name) and not holds(found):
            raise ReconcileError(f"{path}{name}: expected {wanted}, found {found!r}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return type(value) is int and -(1 << 63) <= value < 1 << 63


def _texts(value: Any) -> bool:
    return isinstance(value, Map) and all(map(_is_text, value.values()))


def _truths(value: Any) -> bool:
    return isinstance(value, Map) and all(map(_is_truth, value.values()))


def _behaves(value: Any) -> bool:
    images = value.images if isinstance(value, Behaviours) else None
    return isinstance(images, Map) and all(isinstance(entry, Behaviour) for entry in images.values())


def _all(cls: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, tuple) and all(isinstance(entry, cls) for entry in value)


_FIELDS: Final[dict[str, tuple[str, Callable[[Any], bool]]]] = {
    "taint_masters": ("true or false", _is_truth),
    "etcd_apart": ("true or false", _is_truth),
    "proxy": ("true or false", _is_truth),
    "managed_fields": ("true or false", _is_truth),
    "webhooks": ("true or false", _is_truth),
    "metrics": ("true or false", _is_truth),
    "audit": ("an audit policy, as an object", lambda value: isinstance(value, Map)),
    "scheduler": ("a KubeSchedulerConfiguration, as an object", lambda value: isinstance(value, Map)),
    "explanations": ("a tuple of text", _all(str)),
    "service_cidr": ("text", _is_text),
    "cluster_cidr": ("text", _is_text),
    "events": ("true or false", _is_truth),
    "feature_gates": ("a map of text to true or false", _truths),
    "heartbeats": ("true or false", _is_truth),
    "external": ("true or false", _is_truth),
    "behaviours": ("behaviours, such as Behaviours.parse reads", _behaves),
    "hosts": ("hosts", _all(Host)),
    "drivers": ("drivers", _all(Driver)),
    "device_drivers": ("device drivers", _all(DeviceDriver)),
    "pools": ("pools of devices", _all(DevicePool)),
    "devices": ("Devices", _all(resource_v1.Device)),
    "counters": ("CounterSets", _all(resource_v1.CounterSet)),
    "on": ("a tuple of text", _all(str)),
    "prepare": ("an integer of nanoseconds", _is_number),
    "unprepare": ("an integer of nanoseconds", _is_number),
    "reports": ("true or false", _is_truth),
    "bind": ("an integer of nanoseconds", _is_number),
    "unbindable": ("a tuple of text", _all(str)),
    "health": ("a map of text to text", _texts),
    "stages": ("stages, a list of objects", _all(Map)),
    "balancer": ("a balancer, or nothing", lambda value: value is None or isinstance(value, Balancer)),
    "kind": ("text", _is_text),
    "interval": ("an integer of nanoseconds", _is_number),
    "rise": ("an integer", _is_number),
    "fall": ("an integer", _is_number),
    "takeover": ("an integer of nanoseconds", _is_number),
    "address": ("text", _is_text),
    "straight": ("a tuple of text", _all(str)),
    "cloud": ("a cloud, or nothing", lambda value: value is None or isinstance(value, Cloud)),
    "balance": ("an integer of nanoseconds", _is_number),
    "addresses": ("text", _is_text),
    "hostnames": ("true or false", _is_truth),
    "region": ("text", _is_text),
    "zones": ("a map of text to text", _texts),
    "instance_type": ("text", _is_text),
    "keeps_stopped": ("true or false", _is_truth),
    "routes": ("true or false", _is_truth),
    "provision": ("an integer of nanoseconds", _is_number),
    "failures": ("an integer", _is_number),
    "attach": ("an integer of nanoseconds", _is_number),
    "expand": ("an integer of nanoseconds", _is_number),
    "file_systems": ("true or false", _is_truth),
    "reach": ("text", _is_text),
    "limit": ("an integer", _is_number),
    "unit": ("text", _is_text),
    "faults": ("faults of drivers", _all(DriverFault)),
    "operation": ("text", _is_text),
    "times": ("an integer", _is_number),
    "code": ("text", _is_text),
    "message": ("text", _is_text),
    "without": ("a tuple of text", _all(str)),
    "name": ("text", _is_text),
    "ip": ("text", _is_text),
    "capacity": ("a map of text to the text of a quantity", _texts),
    "reserved": ("a map of text to the text of a quantity", _texts),
    "labels": ("a map of text to text", _texts),
    "taints": ("Taints", _all(core_v1.Taint)),
    "manifests": ("Pods", _all(core_v1.Pod)),
    "kubelet": ("a map of text to text", _texts),
    "numa": ("an integer", _is_number),
    "strain": ("a map of text to the text of a quantity", _texts),
    "clock_skew": ("an integer of nanoseconds", _is_number),
    "links": ("links", _all(Link)),
    "one": ("text", _is_text),
    "other": ("text", _is_text),
    "cut": ("true or false", _is_truth),
    "delay": ("an integer of nanoseconds", _is_number),
    "jitter": ("an integer of nanoseconds", _is_number),
    "loss": ("an integer", _is_number),
    "one_way": ("true or false", _is_truth),
    "etcd_quota": ("an integer of bytes", _is_number),
    "clock_drift": ("an integer of parts of a million", _is_number),
}
