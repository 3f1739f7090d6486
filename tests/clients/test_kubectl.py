"""Every kubectl command that needs no process in a container, against a served cluster."""

import contextlib
import json
import re
import subprocess
import threading
import time
import urllib.request
from urllib.parse import urlsplit

import pytest

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: nginx:1.27
          ports: [{containerPort: 80}]
"""
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: red}
"""


@pytest.fixture
def web(kube, kubectl):
    """A Deployment of two that is rolled out."""
    kubectl("apply", "-f", "-", stdin=WEB)
    kube.cluster.wait("converged", "deployments", "web")
    return kubectl


def got(kubectl, *args):
    return json.loads(kubectl("get", *args, "-o", "json"))


# What is there ------------------------------------------------------------------------------------------------------


def test_version(kubectl):
    assert json.loads(kubectl("version", "-o", "json"))["serverVersion"]["minor"] == "36"


def test_cluster_info(kubectl, kube):
    assert kube.url in kubectl("cluster-info")


def test_api_resources(kubectl):
    rows = [line.split() for line in kubectl("api-resources").splitlines()]
    assert ["deployments", "deploy", "apps/v1", "true", "Deployment"] in rows
    assert ["nodes", "no", "v1", "false", "Node"] in rows


def test_api_versions(kubectl):
    versions = kubectl("api-versions").split()
    assert {"v1", "apps/v1", "batch/v1", "rbac.authorization.k8s.io/v1"} <= set(versions)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/livez", "/version", "/apis/apps/v1"])
def test_get_raw(kubectl, path):
    assert kubectl("get", "--raw", path)


def test_explain(kubectl):
    said = kubectl("explain", "deployment.spec.replicas")
    assert "FIELD: replicas <integer>" in said


def test_explain_recursive(kubectl):
    assert "containerPort" in kubectl("explain", "pods", "--recursive")


WIDGETS = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          description: A thing of use.
          required: [spec]
          properties:
            spec:
              type: object
              description: What it is to be.
              required: [size]
              properties:
                size: {type: string, description: How big it is., enum: [small, large]}
                ports: {type: array, items: {type: integer}}
"""
WIDGET = """\
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
spec: {size: small, ports: [1]}
"""


def test_custom_resources_are_explained_and_validated(kubectl):
    kubectl("apply", "-f", "-", stdin=WIDGETS)
    kubectl("wait", "--for=condition=Established", "crd/widgets.example.com")
    said = kubectl("explain", "widgets.spec")
    assert "What it is to be." in said
    assert re.search(r"size\s+<string> -required-\s", said), said
    assert re.search(r"ports\s+<\[\]integer>", said)
    assert "A thing of use." in kubectl("explain", "widget", "--recursive")
    kubectl("apply", "--dry-run=client", "-f", "-", stdin=WIDGET)
    kubectl("apply", "-f", "-", stdin=WIDGET)
    wrong = kubectl("apply", "-f", "-", stdin=WIDGET.replace("ports", "prots"), code=1)
    assert 'unknown field "spec.prots"' in wrong


# Create, apply, replace, delete -------------------------------------------------------------------------------------


def test_apply_twice(kubectl):
    assert kubectl("apply", "-f", "-", stdin=WEB) == "deployment.apps/web created\n"
    assert kubectl("apply", "-f", "-", stdin=WEB) == "deployment.apps/web unchanged\n"
    assert kubectl("apply", "-f", "-", stdin=WEB.replace("replicas: 2", "replicas: 3")) == (
        "deployment.apps/web configured\n"
    )
    assert got(kubectl, "deployment", "web")["spec"]["replicas"] == 3


def test_apply_on_the_server(kubectl):
    said = "deployment.apps/web serverside-applied\n"
    assert kubectl("apply", "--server-side", "-f", "-", stdin=WEB) == said
    assert kubectl("apply", "--server-side", "-f", "-", stdin=WEB) == said
    conflict = kubectl(
        *("apply", "--server-side", "--field-manager=other", "-f", "-"),
        stdin=WEB.replace("replicas: 2", "replicas: 5"),
        code=1,
    )
    assert 'conflict with "kubectl"' in conflict
    forced = ("apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", "-")
    kubectl(*forced, stdin=WEB.replace("replicas: 2", "replicas: 5"))
    assert got(kubectl, "deployment", "web")["spec"]["replicas"] == 5


def test_apply_prunes(kubectl):
    kubectl("apply", "-f", "-", "--prune", "-l", "app=web", stdin=WEB)


def test_apply_dry_run_changes_nothing(kubectl):
    assert "created (server dry run)" in kubectl("apply", "--dry-run=server", "-f", "-", stdin=WEB)
    assert got(kubectl, "deployments")["items"] == []


def test_diff(web):
    assert web("diff", "-f", "-", stdin=WEB) == ""
    said = web("diff", "-f", "-", stdin=WEB.replace("replicas: 2", "replicas: 4"), code=1)
    assert "-  replicas: 2\n+  replicas: 4" in said


def test_create_from_a_file(kubectl):
    assert kubectl("create", "-f", "-", stdin=CONFIG) == "configmap/settings created\n"
    assert "AlreadyExists" in kubectl("create", "-f", "-", stdin=CONFIG, code=1)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("namespace", "shop"), "namespace/shop created"),
        (("configmap", "c", "--from-literal=a=b"), "configmap/c created"),
        (("secret", "generic", "s", "--from-literal=a=b"), "secret/s created"),
        (("serviceaccount", "sa"), "serviceaccount/sa created"),
        (("deployment", "d", "--image=nginx"), "deployment.apps/d created"),
        (("job", "j", "--image=busybox"), "job.batch/j created"),
        (("cronjob", "cj", "--image=busybox", "--schedule=*/5 * * * *"), "cronjob.batch/cj created"),
        (("service", "clusterip", "svc", "--tcp=80"), "service/svc created"),
        (("role", "r", "--verb=get", "--resource=pods"), "role.rbac.authorization.k8s.io/r created"),
        (("rolebinding", "rb", "--role=r", "--user=u"), "rolebinding.rbac.authorization.k8s.io/rb created"),
        (("clusterrole", "cr", "--verb=get", "--resource=pods"), "clusterrole.rbac.authorization.k8s.io/cr created"),
        (("quota", "q", "--hard=pods=5"), "resourcequota/q created"),
        (("priorityclass", "pc", "--value=5"), "priorityclass.scheduling.k8s.io/pc created"),
        (("ingress", "i", "--rule=a.com/*=svc:80"), "ingress.networking.k8s.io/i created"),
        (("poddisruptionbudget", "p", "--selector=a=b", "--min-available=1"), "poddisruptionbudget.policy/p created"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_create(kubectl, args, said):
    assert kubectl("create", *args).strip() == said


def test_create_token(kubectl):
    kubectl("create", "-f", "-", stdin="apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: robot}\n")
    token = kubectl("create", "token", "robot").strip()
    assert token.count(".") == 2


def test_replace(kubectl):
    kubectl("create", "-f", "-", stdin=CONFIG)
    assert kubectl("replace", "-f", "-", stdin=CONFIG.replace("red", "blue")) == "configmap/settings replaced\n"
    assert got(kubectl, "configmap", "settings")["data"] == {"colour": "blue"}


def test_replace_by_force(kubectl):
    kubectl("create", "-f", "-", stdin=CONFIG)
    before = got(kubectl, "configmap", "settings")["metadata"]["uid"]
    kubectl("replace", "--force", "-f", "-", stdin=CONFIG)
    assert got(kubectl, "configmap", "settings")["metadata"]["uid"] != before


def test_edit(kubectl):
    kubectl("apply", "-f", "-", stdin=CONFIG)
    editor = kubectl.folder / "editor"
    editor.write_text('#!/bin/sh\nsed -i s/red/green/ "$1"\n')
    editor.chmod(0o755)
    assert kubectl("edit", "configmap", "settings", EDITOR=str(editor)) == "configmap/settings edited\n"
    assert got(kubectl, "configmap", "settings")["data"] == {"colour": "green"}


def test_patch_merge(web):
    web("patch", "deployment", "web", "--type=merge", "-p", '{"spec": {"replicas": 3}}')
    assert got(web, "deployment", "web")["spec"]["replicas"] == 3


def test_patch_strategic(web):
    containers = [{"name": "web", "env": [{"name": "A", "value": "b"}]}]
    web("patch", "deployment", "web", "-p", json.dumps({"spec": {"template": {"spec": {"containers": containers}}}}))
    container = got(web, "deployment", "web")["spec"]["template"]["spec"]["containers"][0]
    assert (container["image"], container["env"]) == ("nginx:1.27", [{"name": "A", "value": "b"}])


def test_patch_json(web):
    web("patch", "deployment", "web", "--type=json", "-p", '[{"op": "replace", "path": "/spec/replicas", "value": 4}]')
    assert got(web, "deployment", "web")["spec"]["replicas"] == 4


def test_patch_of_a_subresource(web):
    web("patch", "deployment", "web", "--subresource=scale", "--type=merge", "-p", '{"spec": {"replicas": 5}}')
    assert got(web, "deployment", "web")["spec"]["replicas"] == 5


@pytest.mark.parametrize("how", [(), ("--wait=false",), ("--cascade=foreground",), ("--now",)], ids=" ".join)
def test_delete(web, how):
    assert web("delete", "deployment", "web", *how).startswith('deployment.apps "web" deleted')
    web("wait", "--for=delete", "pods", "-l", "app=web", "--timeout=10s")


def test_delete_leaves_orphans(web):
    web("delete", "deployment", "web", "--cascade=orphan")
    assert len(got(web, "replicasets")["items"]) == 1


def test_delete_all_and_by_label(web):
    web("delete", "pods", "-l", "app=web", "--wait=false")
    web("delete", "deployments", "--all")
    assert got(web, "deployments")["items"] == []


# Look ---------------------------------------------------------------------------------------------------------------


def test_get_prints_columns(web):
    head, row = web("get", "deployments").splitlines()
    assert head.split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert row.split()[:4] == ["web", "2/2", "2", "2"]


def test_get_wide(web):
    assert "CONTAINERS" in web("get", "deployments", "-o", "wide")
    assert "NOMINATED NODE" in web("get", "pods", "-o", "wide")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("name", "deployment.apps/web"),
        ("json", '"replicas": 2'),
        ("yaml", "replicas: 2"),
        ("jsonpath={.spec.replicas}", "2"),
        ("jsonpath-as-json={.spec.replicas}", "2"),
        ("go-template={{.spec.replicas}}", "2"),
        ("custom-columns=N:.metadata.name,R:.spec.replicas", "web   2"),
    ],
)
def test_get_in_other_forms(web, form, said):
    assert said in web("get", "deployment", "web", "-o", form)


def test_get_many_kinds_selected_and_sorted(web):
    assert len(web("get", "deployments,replicasets,pods", "-o", "name").split()) == 4
    assert len(web("get", "pods", "-l", "app=web", "-o", "name").split()) == 2
    assert web("get", "pods", "-l", "app!=web", "-o", "name") == ""
    assert len(web("get", "pods", "--field-selector=status.phase=Running", "-o", "name").split()) == 2
    assert len(web("get", "nodes", "--sort-by=.metadata.name", "-o", "name").split()) == 3
    assert len(web("get", "pods", "-A", "--chunk-size=2", "-o", "name").split()) > 4
    assert "NotFound" in web("get", "pod", "nope", code=1)


@contextlib.contextmanager
def started(kubectl, *args):
    """A kubectl that goes on until it is ended, at most for 20 seconds; gives its output."""
    process = subprocess.Popen(
        [kubectl.program, *args], env=kubectl.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    timer = threading.Timer(20, process.kill)
    timer.start()
    try:
        yield process.stdout
    finally:
        timer.cancel()
        process.kill()
        process.wait(10)
        process.stdout.close()


def test_get_watch(web):
    with started(web, "get", "pods", "--watch", "-o", "name") as out:
        lines = [out.readline(), out.readline()]
        web("scale", "deployment", "web", "--replicas=3")
        lines += [out.readline()]
    assert len(set(lines)) == 3


def test_get_watch_only_with_events(kubectl):
    with started(kubectl, "get", "configmaps", "--watch-only", "--output-watch-events", "-o", "name") as out:
        time.sleep(1.0)
        kubectl("create", "-f", "-", stdin=CONFIG)
        assert "configmap/settings" in out.readline()


@pytest.mark.parametrize("target", ["deployment/web", "replicaset", "pods", "node/node-1", "namespace/default"])
def test_describe(web, target):
    said = web("describe", *target.split("/"))
    assert "Name:" in said


def test_get_one_namespace(kubectl):
    assert got(kubectl, "namespace", "default")["status"]["phase"] == "Active"


def test_events(web):
    assert "Container started" in web("events")
    assert "Scaled up replica set" in web("events", "--for", "deployment/web", "--types=Normal")


def test_get_events(web):
    assert "Scheduled" in web("get", "events", "-o", "jsonpath={.items[*].reason}")


@pytest.mark.kube(behaviours={"images": {"nginx": 'logs "ready", logs "listening on 80"'}})
def test_logs(web):
    assert web("logs", "deployment/web") == "ready\nlistening on 80\n" or web("logs", "-l", "app=web")
    assert web("logs", "-l", "app=web", "--tail=1") == "listening on 80\n" * 2
    pod = web("get", "pods", "-o", "name").split()[0]
    assert web("logs", pod, "--prefix").count("ready") == 1
    assert "not found" in web("logs", pod, "--previous", code=1)


@pytest.mark.parametrize(
    "args",
    [("exec", "deployment/web", "--", "ls"), ("attach", "deployment/web"), ("port-forward", "deployment/web", "0:80")],
    ids=lambda args: args[0],
)
def test_what_needs_a_process_is_refused_clearly(web, args):
    assert "containers are simulated here" in web(*args, code=1)


# Change -------------------------------------------------------------------------------------------------------------


def test_label_and_annotate(web):
    assert web("label", "deployment", "web", "tier=front") == "deployment.apps/web labeled\n"
    assert web("annotate", "deployment", "web", "note=hello") == "deployment.apps/web annotated\n"
    metadata = got(web, "deployment", "web")["metadata"]
    assert (metadata["labels"]["tier"], metadata["annotations"]["note"]) == ("front", "hello")
    web("label", "deployment", "web", "tier-")
    assert "tier" not in got(web, "deployment", "web")["metadata"]["labels"]
    assert "'app' already has a value" in web("label", "deployment", "web", "app=other", code=1)


def test_scale(web):
    assert web("scale", "deployment/web", "--replicas=4") == "deployment.apps/web scaled\n"
    web("rollout", "status", "deployment/web", "--timeout=10s")
    assert got(web, "deployment", "web")["status"]["readyReplicas"] == 4
    assert "Expected replicas to be 9" in web("scale", "deployment/web", "--current-replicas=9", "--replicas=1", code=1)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("image", "deployment/web", "web=nginx:1.28"), "image updated"),
        (("env", "deployment/web", "A=b"), "env updated"),
        (("resources", "deployment/web", "--requests=cpu=10m"), "resource requirements updated"),
        (("serviceaccount", "deployment/web", "default"), "serviceaccount updated"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_set(web, args, said):
    assert said in web("set", *args)


def test_set_selector(kubectl):
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}]}\n"
    kubectl("create", "-f", "-", stdin=service)
    kubectl("set", "selector", "service", "s", "app=web")
    assert got(kubectl, "service", "s")["spec"]["selector"] == {"app": "web"}


def test_rollout(web):
    web("set", "image", "deployment/web", "web=nginx:1.28")
    assert "successfully rolled out" in web("rollout", "status", "deployment/web", "--timeout=10s")
    assert [line.split()[0] for line in web("rollout", "history", "deployment/web").splitlines()[2:4]] == ["1", "2"]
    assert web("rollout", "undo", "deployment/web") == "deployment.apps/web rolled back\n"
    web("rollout", "status", "deployment/web", "--timeout=10s")
    assert web("get", "deployment", "web", "-o", "jsonpath={..image}") == "nginx:1.27"
    assert web("rollout", "restart", "deployment/web") == "deployment.apps/web restarted\n"
    web("rollout", "status", "deployment/web", "--timeout=10s")
    assert web("rollout", "pause", "deployment/web") == "deployment.apps/web paused\n"
    assert web("rollout", "resume", "deployment/web") == "deployment.apps/web resumed\n"


def test_autoscale(web):
    flag = "--cpu=50%" if "--cpu=" in web("autoscale", "--help") else "--cpu-percent=50"
    assert "autoscaled" in web("autoscale", "deployment", "web", "--min=1", "--max=5", flag)
    assert got(web, "hpa", "web")["spec"]["maxReplicas"] == 5


def test_top(web):
    assert web("top", "nodes").split()[:2] == ["NAME", "CPU(cores)"]
    assert web("get", "--raw", "/apis/metrics.k8s.io/v1beta1/pods")


def test_expose(web):
    assert web("expose", "deployment", "web", "--port=80") == "service/web exposed\n"
    assert got(web, "service", "web")["spec"]["selector"] == {"app": "web"}


def test_run(kubectl):
    assert kubectl("run", "once", "--image=nginx", "--restart=Never") == "pod/once created\n"
    kubectl("wait", "--for=condition=Ready", "pod/once", "--timeout=10s")


def test_wait(web):
    assert "condition met" in web("wait", "--for=condition=Available", "deployment/web", "--timeout=10s")
    assert "condition met" in web("wait", "--for=jsonpath={.status.phase}=Running", "pods", "--all", "--timeout=10s")
    web("delete", "deployment", "web", "--wait=false")
    web("wait", "--for=delete", "deployment/web", "--timeout=10s")
    said = web("wait", "--for=condition=Never", "node/node-1", "--timeout=1s", code=1)
    assert "timed out waiting for the condition" in said


# Nodes --------------------------------------------------------------------------------------------------------------


def test_cordon_and_uncordon(kubectl):
    assert kubectl("cordon", "node-2") == "node/node-2 cordoned\n"
    assert got(kubectl, "node", "node-2")["spec"]["unschedulable"] is True
    assert kubectl("uncordon", "node-2") == "node/node-2 uncordoned\n"


def test_drain(web):
    web("drain", "node-2", "--ignore-daemonsets", "--force", "--timeout=10s")
    web("rollout", "status", "deployment/web", "--timeout=10s")
    assert "node-2" not in web("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].spec.nodeName}")


def test_taint(kubectl):
    assert kubectl("taint", "node", "node-2", "dedicated=x:NoSchedule") == "node/node-2 tainted\n"
    assert got(kubectl, "node", "node-2")["spec"]["taints"][0]["key"] == "dedicated"
    assert kubectl("taint", "node", "node-2", "dedicated-") == "node/node-2 untainted\n"


# Who may what -------------------------------------------------------------------------------------------------------


def test_auth_can_i(kubectl):
    assert kubectl("auth", "can-i", "create", "pods") == "yes\n"
    assert kubectl("auth", "can-i", "create", "pods", "--as=nobody", code=1).startswith("no")


def test_auth_whoami(kubectl):
    assert "kubernetes-admin" in kubectl("auth", "whoami")


def test_as_another(kubectl):
    said = kubectl("get", "pods", "--as=nobody", code=1)
    assert 'User "nobody" cannot list resource "pods"' in said


def test_proxy(kubectl):
    with started(kubectl, "proxy", "--port=0", "--append-server-path") as out:
        port = out.readline().strip().rpartition(":")[2]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/nodes") as answer:
            assert len(json.load(answer)["items"]) == 3


# The server's own ---------------------------------------------------------------------------------------------------


@pytest.fixture
def control(kube):
    """Where the test's cluster is controlled: what is raw for kubectl is the whole path."""
    return f"{urlsplit(kube.url).path}/reconcile/v1"


def test_control_through_kubectl(kubectl, control):
    before = json.loads(kubectl("get", "--raw", control))["now"]
    kubectl("create", "--raw", f"{control}/advance", "-f", "-", stdin='{"by": "5m"}')
    after = json.loads(kubectl("get", "--raw", control))["now"]
    assert int(after) - int(before) >= 300_000_000_000


def test_a_broken_host_is_seen(web, control):
    web("create", "--raw", f"{control}/events", "-f", "-", stdin='{"event": "StopHost", "host": "node-3"}')
    web("create", "--raw", f"{control}/advance", "-f", "-", stdin='{"by": "60s"}')
    assert "Unknown" in web("get", "node", "node-3", "-o", "jsonpath={.status.conditions[*].status}")
