"""Python's clients against a served cluster: kubernetes, its leader election and watch; kr8s, lightkube, and others."""

import json
import subprocess
import sys
import threading

import pytest

from reconcile.events import StopHost


def deployment(name, replicas=1):
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]},
            },
        },
    }


@pytest.fixture
def kubernetes(kube):
    """The package kubernetes and an API client for the test's cluster."""
    client = pytest.importorskip("kubernetes.client", reason="the package kubernetes is not installed")
    with client.ApiClient(kube.configuration) as api:
        yield client, api


def test_kubernetes_creates_reads_patches_deletes(kube, kubernetes):
    client, api = kubernetes
    apps = client.AppsV1Api(api)
    apps.create_namespaced_deployment("default", deployment("web", 2))
    kube.cluster.wait("condition=Available", "deployments", "web")
    assert apps.read_namespaced_deployment("web", "default").status.available_replicas == 2
    apps.patch_namespaced_deployment_scale("web", "default", {"spec": {"replicas": 3}})
    kube.cluster.settle()
    assert len(client.CoreV1Api(api).list_namespaced_pod("default", label_selector="app=web").items) == 3
    apps.delete_namespaced_deployment("web", "default")
    kube.cluster.settle()
    with pytest.raises(client.ApiException) as refused:
        apps.read_namespaced_deployment("web", "default")
    assert (refused.value.status, json.loads(refused.value.body)["reason"]) == (404, "NotFound")


def test_kubernetes_watches(kube, kubernetes):
    from kubernetes import watch

    client, api = kubernetes
    core = client.CoreV1Api(api)
    seen, begun = [], threading.Event()

    def look():
        stream = watch.Watch().stream(core.list_namespaced_config_map, "default", timeout_seconds=10)
        begun.set()
        for event in stream:
            seen.append((event["type"], event["object"].metadata.name))
            if event["type"] == "DELETED":
                return

    thread = threading.Thread(target=look)
    thread.start()
    begun.wait(5)
    core.create_namespaced_config_map("default", {"metadata": {"name": "c"}})
    core.patch_namespaced_config_map("c", "default", {"data": {"a": "b"}})
    core.delete_namespaced_config_map("c", "default")
    thread.join(15)
    assert [kind for kind, name in seen if name == "c"][-1:] == ["DELETED"]


def test_kubernetes_pages(kubernetes):
    client, api = kubernetes
    core = client.CoreV1Api(api)
    first = core.list_pod_for_all_namespaces(limit=2)
    rest = core.list_pod_for_all_namespaces(limit=500, _continue=first.metadata._continue)
    names = [pod.metadata.name for pod in (*first.items, *rest.items)]
    assert names == [pod.metadata.name for pod in core.list_pod_for_all_namespaces().items]


def test_kubernetes_elects_a_leader(kube, kubernetes):
    del kubernetes
    election = pytest.importorskip("kubernetes.leaderelection.leaderelection")
    from kubernetes.leaderelection import electionconfig
    from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock

    won, text = threading.Event(), kube.kubeconfig
    script = (
        "import sys\n"
        "from kubernetes import config\n"
        "from kubernetes.leaderelection import electionconfig, leaderelection\n"
        "from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock\n"
        f"config.load_kube_config({str(text)!r})\n"
        "lock = ConfigMapLock('lock', 'default', 'me')\n"
        "def lead(): print('leads', flush=True)\n"
        "made = electionconfig.Config(lock, lease_duration=5, renew_deadline=4, retry_period=1,\n"
        "                             onstarted_leading=lead, onstopped_leading=None)\n"
        "leaderelection.LeaderElection(made).run()\n"
    )
    assert election
    assert electionconfig
    assert ConfigMapLock
    assert not won.is_set()
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", script], stdout=subprocess.PIPE, text=True)
    timer = threading.Timer(20, process.kill)
    timer.start()
    try:
        lines = iter(process.stdout.readline, "")
        assert any("leads" in line for line in lines)
    finally:
        timer.cancel()
        process.kill()
        process.wait(10)
        process.stdout.close()
    lock = kube.cluster.get("configmaps", "lock")
    record = json.loads(lock.metadata.annotations["control-plane.alpha.kubernetes.io/leader"])
    assert record["holderIdentity"] == "me"


@pytest.mark.kube(speed="manual")
def test_kubernetes_sees_a_host_fail(kube, kubernetes):
    client, api = kubernetes
    kube.cluster.happen(StopHost("node-2"))
    kube.cluster.advance("60s")
    node = client.CoreV1Api(api).read_node("node-2")
    assert {condition.type: condition.status for condition in node.status.conditions}["Ready"] == "Unknown"


def test_kubernetes_reads_a_log(kube, kubernetes):
    client, api = kubernetes
    core = client.CoreV1Api(api)
    pod = deployment("x")["spec"]["template"]["spec"]
    core.create_namespaced_pod("default", {"metadata": {"name": "x"}, "spec": pod})
    kube.cluster.settle()
    assert core.read_namespaced_pod_log("x", "default") == ""


def played(script, kube, module):
    """Run a script in a process of its own: what a client warns of is its own affair."""
    pytest.importorskip(module, reason=f"the package {module} is not installed")
    text = f"KUBECONFIG = {str(kube.kubeconfig)!r}\nDEPLOYMENT = {deployment('web', 2)!r}\n{script}"
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", text], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_kr8s(kube):
    script = """
import kr8s
from kr8s.objects import Deployment
api = kr8s.api(kubeconfig=KUBECONFIG)
web = Deployment(DEPLOYMENT, api=api)
web.create()
web.wait("condition=Available", timeout=20)
web.scale(3)
web.refresh()
print(web.spec.replicas, len(list(api.get("nodes"))))
web.delete()
"""
    assert played(script, kube, "kr8s").split() == ["3", "3"]


def test_lightkube(kube):
    script = """
from lightkube import Client, KubeConfig
from lightkube.codecs import from_dict
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Node, Pod
client = Client(config=KubeConfig.from_file(KUBECONFIG).get())
client.create(from_dict(DEPLOYMENT))
client.wait(Deployment, "web", for_conditions=["Available"])
print(len(list(client.list(Pod, namespace="default"))), len(list(client.list(Node))))
client.delete(Deployment, "web")
"""
    assert played(script, kube, "lightkube").split() == ["2", "3"]


def test_kubernetes_asyncio(kube):
    script = """
import asyncio
from kubernetes_asyncio import client, config
async def main():
    made = client.Configuration()
    await config.load_kube_config(KUBECONFIG, client_configuration=made)
    async with client.ApiClient(made) as api:
        await client.AppsV1Api(api).create_namespaced_deployment("default", DEPLOYMENT)
        nodes = await client.CoreV1Api(api).list_node()
        print(len(nodes.items))
asyncio.run(main())
"""
    assert played(script, kube, "kubernetes_asyncio").split() == ["3"]


def test_kopf_operator_with_finalizers(kube, kubernetes):
    client, api = kubernetes
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.e.com"},
        "spec": {
            "group": "e.com",
            "scope": "Namespaced",
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }
    client.ApiextensionsV1Api(api).create_custom_resource_definition(definition)
    kube.cluster.settle()
    things = client.CustomObjectsApi(api)
    thing = {"apiVersion": "e.com/v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": {"size": 3}}
    things.create_namespaced_custom_object("e.com", "v1", "default", "things", thing)
    script = """
import os, threading
os.environ["KUBECONFIG"] = KUBECONFIG
import kopf
from kubernetes import client, config
config.load_kube_config(KUBECONFIG)
api, stop = client.CustomObjectsApi(), threading.Event()
THING = ("e.com", "v1", "default", "things", "x")
@kopf.on.create("e.com", "v1", "things")
def made(spec, patch, **_):
    patch.status["seen"] = spec["size"]
    threading.Timer(1, lambda: api.delete_namespaced_custom_object(*THING)).start()
@kopf.on.delete("e.com", "v1", "things")
def gone(meta, status, **_):
    print(status["seen"], *meta["finalizers"], flush=True)
    threading.Timer(1, stop.set).start()
last = threading.Timer(30, stop.set)
last.daemon = True
last.start()
kopf.run(standalone=True, namespaces=["default"], stop_flag=stop)
"""
    assert played(script, kube, "kopf").split() == ["3", "kopf.zalando.org/KopfFinalizerMarker"]
    left = things.list_namespaced_custom_object("e.com", "v1", "default", "things")["items"]
    assert left == []
