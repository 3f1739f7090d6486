"""A container's variables: from its pod, from ConfigMaps and Secrets, and from each other."""

from __future__ import annotations

import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.api.quantity import Quantity
from reconcile.effects import StartContainer
from reconcile.lib.mapping import Map

WEB = {"web:1": "preloaded, start 1s"}


def config_map(**data):
    return core_v1.ConfigMap(metadata=meta_v1.ObjectMeta(name="cm", namespace="default"), data=Map.of(data))


def secret(**data):
    return core_v1.Secret(metadata=meta_v1.ObjectMeta(name="s", namespace="default"), data=Map.of(data))


def source(**given):
    return core_v1.EnvVarSource(**given)


def key_of(kind, name, key="k", **more):
    selector = core_v1.ConfigMapKeySelector if kind == "config_map" else core_v1.SecretKeySelector
    return source(**{f"{kind}_key_ref": selector(name=name, key=key, **more)})


def field(path):
    return source(field_ref=core_v1.ObjectFieldSelector(field_path=path))


def amount(resource, divisor=None, container=None):
    reference = core_v1.ResourceFieldSelector(
        resource=resource, divisor=divisor and Quantity.parse(divisor), container_name=container
    )
    return source(resource_field_ref=reference)


def begun(lab, *rows, env_from=(), objects=(), **spec):
    """Let a container with these variables start."""
    made = lab(WEB)
    for obj in objects:
        made.put("configmaps" if obj.kind == "ConfigMap" else "secrets", obj)
    env = tuple([core_v1.EnvVar(name=name, **given) for name, given in rows])
    container = core_v1.Container(
        name="web", image="web:1", image_pull_policy="IfNotPresent", env=env, env_from=tuple(env_from), **spec
    )
    made.bind(containers=(container,), labels={"app": "web"}, service_account_name="me")
    made.run(3)
    return made


def started(made):
    (order,) = [order for order in made.orders if isinstance(order, StartContainer)]
    return order


def known(lab, *rows, **more):
    return dict(started(begun(lab, *rows, **more)).environment)


def test_values_come_from_config_maps_and_secrets(lab):
    rows = (("A", {"value_from": key_of("config_map", "cm")}), ("B", {"value_from": key_of("secret", "s")}))
    found = known(lab, *rows, objects=(config_map(k="one"), secret(k="dHdv")))
    assert found == {"A": "one", "B": "two"}


def test_all_of_an_object_with_a_prefix_and_what_is_said_by_name_counts(lab):
    sources = (
        core_v1.EnvFromSource(prefix="P_", config_map_ref=core_v1.ConfigMapEnvSource(name="cm")),
        core_v1.EnvFromSource(secret_ref=core_v1.SecretEnvSource(name="s")),
    )
    found = known(
        lab, ("y", {"value": "own"}), env_from=sources, objects=(config_map(x="1"), secret(y="Mg==", z="Mw=="))
    )
    assert found == {"P_x": "1", "y": "own", "z": "3"}


def test_values_name_those_before_them(lab):
    rows = (
        ("A", {"value_from": key_of("config_map", "cm")}),
        ("B", {"value": "<$(A)> $(LATER) $$(A)"}),
        ("LATER", {"value": "x"}),
    )
    made = begun(lab, *rows, objects=(config_map(k="one"),), command=("run", "$(B)"), args=("$(A)", "$(NONE)"))
    order = started(made)
    assert order.environment["B"] == "<one> $(LATER) $(A)"
    assert order.command == ("run", "<one> $(LATER) $(A)")
    assert order.args == ("one", "$(NONE)")


def test_fields_of_the_pod(lab):
    paths = {
        "metadata.name": "web",
        "metadata.namespace": "default",
        "metadata.uid": "pod-web",
        "metadata.labels['app']": "web",
        "metadata.annotations['none']": "",
        "spec.nodeName": "node-1",
        "spec.serviceAccountName": "me",
        "status.hostIP": "192.168.0.1",
    }
    rows = [(f"V{place}", {"value_from": field(path)}) for place, path in enumerate(paths)]
    made = begun(lab, *rows, ("IP", {"value_from": field("status.podIP")}))
    order = started(made)
    assert [order.environment[f"V{place}"] for place, _ in enumerate(paths)] == list(paths.values())
    assert order.environment["IP"] == made.pod().status.pod_ip
    assert [request for request in made.calls if request.verb == "get" and request.resource != "nodes"] == []


def test_amounts_are_rounded_up_and_what_is_not_limited_is_the_nodes(lab):
    limits = Map.of({"cpu": Quantity.parse("1500m"), "memory": Quantity.parse("100Mi")})
    resources = core_v1.ResourceRequirements(limits=limits)
    rows = (
        ("CPU", {"value_from": amount("limits.cpu")}),
        ("MILLI", {"value_from": amount("limits.cpu", "1m")}),
        ("MEMORY", {"value_from": amount("limits.memory", "64Mi", "web")}),
        ("DISK", {"value_from": amount("limits.ephemeral-storage", "1Gi")}),
        ("ASKED", {"value_from": amount("requests.cpu")}),
    )
    found = known(lab, *rows, resources=resources)
    assert found == {"CPU": "2", "MILLI": "1500", "MEMORY": "2", "DISK": "90", "ASKED": "0"}


@pytest.mark.parametrize(
    ("origin", "why"),
    [
        (key_of("config_map", "gone"), 'configmap "gone" not found'),
        (key_of("secret", "gone"), 'secret "gone" not found'),
        (key_of("config_map", "cm", "z"), "couldn't find key z in ConfigMap default/cm"),
        (key_of("secret", "s", "z"), "couldn't find key z in Secret default/s"),
    ],
)
def test_what_is_missing_is_said_and_tried_again(lab, origin, why):
    made = begun(lab, ("A", {"value_from": origin}), objects=(config_map(k="1"), secret(k="MQ==")))
    waiting = made.status().state.waiting
    assert (waiting.reason, waiting.message) == ("CreateContainerConfigError", why)
    assert made.said("Failed") == [f"Error: {why}"]
    assert made.pod().status.phase == "Pending"
    made.put("configmaps", config_map(k="1", z="2"))
    made.put("secrets", secret(k="MQ==", z="MQ=="))
    for obj in (config_map(k="1"), secret(k="MQ==")):
        metadata = meta_v1.ObjectMeta(name="gone", namespace="default")
        made.put("configmaps" if obj.kind == "ConfigMap" else "secrets", type(obj)(metadata=metadata, data=obj.data))
    made.run(12)
    assert made.pod().status.phase == "Running"
    assert not made.kubelet.seldom.configuring


@pytest.mark.parametrize("kind", ["config_map", "secret"])
def test_what_is_optional_is_left_out(lab, kind):
    rows = (
        ("A", {"value_from": key_of(kind, "gone", optional=True)}),
        ("B", {"value_from": key_of(kind, "cm" if kind == "config_map" else "s", "z", optional=True)}),
        ("C", {"value": "c"}),
    )
    sources = (
        core_v1.EnvFromSource(config_map_ref=core_v1.ConfigMapEnvSource(name="gone", optional=True)),
        core_v1.EnvFromSource(secret_ref=core_v1.SecretEnvSource(name="gone", optional=True)),
    )
    assert known(lab, *rows, env_from=sources, objects=(config_map(), secret())) == {"C": "c"}


def test_a_pod_that_ends_while_its_container_waits(lab):
    made = begun(lab, ("A", {"value_from": key_of("config_map", "gone")}))
    made.mark()
    made.run(2)
    assert made.pod() is None


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("$(WHERE)/$(WHAT)", "here", "missing value for WHAT"),
        ("$(WHERE)", "", "missing value for WHERE"),
        ("$(WHERE)", "/here", "error SubPath `/here` must not be an absolute path"),
        ("$(WHERE)/x", "..", "unable to provision SubPath `../x`: must not contain '..'"),
        ("$(WHERE)/$$(WHAT)", "here", None),
    ],
)
def test_the_path_of_a_mount_may_depend_on_variables(lab, path, value, why):
    mount = core_v1.VolumeMount(name="data", mount_path="/data", sub_path_expr=path)
    lab = begun(lab, ("WHERE", {"value": value}), volume_mounts=(mount,))
    waiting = lab.pod().status.container_statuses[0].state.waiting
    assert (waiting and waiting.message) == why


def test_a_path_that_depends_on_variables_needs_some(lab):
    mount = core_v1.VolumeMount(name="data", mount_path="/data", sub_path_expr="$(WHERE)")
    waiting = begun(lab, volume_mounts=(mount,)).pod().status.container_statuses[0].state.waiting
    assert (waiting.reason, waiting.message) == ("CreateContainerConfigError", "missing value for WHERE")
