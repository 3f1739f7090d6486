"""The variables of services that a container has, and who waits for them."""

import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.components.kubelet.container.linking import variables_of


def service(name, ip="10.96.0.7", namespace="default", ports=((None, 80, None),)):
    rows = tuple([core_v1.ServicePort(name=said, port=port, protocol=protocol) for said, port, protocol in ports])
    metadata = meta_v1.ObjectMeta(name=name, namespace=namespace, uid=name)
    return core_v1.Service(metadata=metadata, spec=core_v1.ServiceSpec(cluster_ip=ip, ports=rows))


def test_a_service_has_the_variables_of_a_link():
    ports = (("http", 80, "TCP"), ("dns-udp", 53, "UDP"))
    assert variables_of([service("web-shop", ports=ports)], "default", linked=None) == {
        "WEB_SHOP_SERVICE_HOST": "10.96.0.7",
        "WEB_SHOP_SERVICE_PORT": "80",
        "WEB_SHOP_SERVICE_PORT_HTTP": "80",
        "WEB_SHOP_SERVICE_PORT_DNS_UDP": "53",
        "WEB_SHOP_PORT": "tcp://10.96.0.7:80",
        "WEB_SHOP_PORT_80_TCP": "tcp://10.96.0.7:80",
        "WEB_SHOP_PORT_80_TCP_PROTO": "tcp",
        "WEB_SHOP_PORT_80_TCP_PORT": "80",
        "WEB_SHOP_PORT_80_TCP_ADDR": "10.96.0.7",
        "WEB_SHOP_PORT_53_UDP": "udp://10.96.0.7:53",
        "WEB_SHOP_PORT_53_UDP_PROTO": "udp",
        "WEB_SHOP_PORT_53_UDP_PORT": "53",
        "WEB_SHOP_PORT_53_UDP_ADDR": "10.96.0.7",
    }


def test_an_address_of_the_sixth_version_stands_in_brackets():
    found = variables_of([service("six", ip="fd00::7")], "default", linked=True)
    assert (found["SIX_SERVICE_HOST"], found["SIX_PORT"]) == ("fd00::7", "tcp://[fd00::7]:80")


@pytest.mark.parametrize(
    ("namespace", "linked", "names"),
    [("default", True, {"KUBERNETES", "WEB"}), ("default", False, {"KUBERNETES"}), ("a", True, {"KUBERNETES", "OWN"})],
)
def test_of_which_services_a_container_is_told(namespace, linked, names):
    rows = [service("kubernetes"), service("web"), service("own", namespace="a"), service("headless", ip="None")]
    found = variables_of(rows, namespace, linked=linked)
    assert {name.removesuffix("_SERVICE_HOST") for name in found if name.endswith("_SERVICE_HOST")} == names


def test_who_refers_to_a_service_is_told_of_it(lab, container):
    lab = lab()
    lab.put("services", service("db", ip="10.96.0.9"))
    env = (core_v1.EnvVar(name="URL", value="db://$(DB_SERVICE_HOST):$(DB_SERVICE_PORT)"),)
    web = container("web", env=env, command=("serve", "$(URL)", "$(KUBERNETES_SERVICE_HOST)"))
    lab.bind(containers=(web,))
    lab.run(5)
    (order,) = [each for each in lab.orders if type(each).__name__ == "StartContainer"]
    assert order.environment["URL"] == "db://10.96.0.9:80"
    assert order.environment["DB_PORT"] == "tcp://10.96.0.9:80"
    assert order.command == ("serve", "db://10.96.0.9:80", "$(KUBERNETES_SERVICE_HOST)")
    asked = [(call.verb, call.namespace, call.name) for call in lab.calls if call.resource == "services"]
    assert asked == [("list", "default", ""), ("get", "default", "kubernetes")]


def test_who_refers_to_none_asks_for_none(lab, container):
    lab = lab()
    env = (core_v1.EnvVar(name="PORT", value="80"), core_v1.EnvVar(name="URL", value=":$(PORT)$$(HOME)"))
    lab.bind(containers=(container("web", env=env, args=("$(URL)",)),))
    lab.run(5)
    assert [call for call in lab.calls if call.resource == "services"] == []


def test_a_mount_may_have_the_name_of_a_service(lab, container):
    lab = lab()
    lab.put("services", service("db", ip="10.96.0.9"))
    mount = core_v1.VolumeMount(name="data", mount_path="/data", sub_path_expr="$(DB_SERVICE_HOST)")
    volume = core_v1.Volume(name="data", empty_dir=core_v1.EmptyDirVolumeSource())
    lab.bind(containers=(container("web", volume_mounts=(mount,)),), volumes=(volume,))
    lab.run(5)
    assert lab.status().state.running is not None
