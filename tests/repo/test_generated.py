import importlib.util

import pytest


def test_schemas_and_api_classes_are_what_the_generator_writes(root):
    if importlib.util.find_spec("kubernetes_validate") is None:
        pytest.skip("kubernetes-validate is not installed: whether the generated code is up to date was NOT checked")
    spec = importlib.util.spec_from_file_location("generate", root / "schemas" / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert generate.differences() == []


def test_time_zones_are_what_the_generator_writes(root):
    if importlib.util.find_spec("tzdata") is None:
        pytest.skip("tzdata is not installed: whether the time zones are up to date was NOT checked")
    spec = importlib.util.spec_from_file_location("generate_zones", root / "schemas" / "generate_zones.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert (root / generate.MODULE).read_text(encoding="utf-8") == generate.module()


@pytest.mark.parametrize(
    ("json", "name"),
    [
        ("clusterIP", "cluster_ip"), ("clusterIPs", "cluster_ips"), ("podIPs", "pod_ips"), ("hostPID", "host_pid"),
        ("externalIPs", "external_ips"), ("continue", "continue_"), ("from", "from_"), ("not", "not_"),
        ("$ref", "ref_"),
        ("$schema", "schema_"), ("openAPIV3Schema", "open_api_v3_schema"), ("podCIDRs", "pod_cidrs"),
        ("nonResourceURLs", "non_resource_urls"), ("targetWWNs", "target_wwns"), ("seLinuxOptions", "se_linux_options"),
        ("x-kubernetes-list-type", "x_kubernetes_list_type"), ("bool", "bool_"), ("apiVersion", "api_version"),
        ("diskURI", "disk_uri"), ("caBundle", "ca_bundle"),
        ("serverAddressByClientCIDRs", "server_address_by_client_cidrs"),
    ],
)  # fmt: skip
def test_names(root, json, name):
    spec = importlib.util.spec_from_file_location("generate", root / "schemas" / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert generate.snake(json) == name
