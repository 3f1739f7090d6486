import pytest

from reconcile.api import convert
from reconcile.lib.instant import SECOND
from reconcile.model.printing import rows, standing

NOW = 1_767_225_600 * SECOND
RUNNING = {"running": {}}


def waits(reason):
    return {"waiting": {"reason": reason}}


def ended(code, reason="", **more):
    return {"terminated": {"exitCode": code, **({"reason": reason} if reason else {}), **more}}


def status(name, state, *, ready=False, restarts=0, last=None, started=None):
    found = {"name": name, "image": "i", "imageID": "", "ready": ready, "restartCount": restarts, "state": state}
    if last is not None:
        found["lastState"] = last
    if started is not None:
        found["started"] = started
    return found


def pod(containers=(), init=(), phase="Running", spec_init=(), **more):
    metadata = {"name": "web", "namespace": "default", "creationTimestamp": "2025-12-31T23:59:00Z"}
    metadata |= more.pop("metadata", {})
    spec = {"containers": [{"name": each["name"], "image": "i"} for each in containers] or [{"name": "a"}]}
    if spec_init:
        spec["initContainers"] = list(spec_init)
    spec |= more.pop("spec", {})
    found = {"phase": phase, **more}
    if containers:
        found["containerStatuses"] = list(containers)
    if init:
        found["initContainerStatuses"] = list(init)
    return convert.load({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": found}).object


def ready(value="True", type="Ready", **more):
    return {"conditions": [{"type": type, "status": value, **more}]}


DELETED = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
SIDECAR = {"name": "s", "image": "i", "restartPolicy": "Always"}
PLAIN = {"name": "i", "image": "i"}

CASES = {
    "running": (pod([status("a", RUNNING, ready=True)], **ready()), ("Running", 1, 1)),
    "pending": (pod(phase="Pending"), ("Pending", 0, 1)),
    "gated": (
        pod(phase="Pending", **ready("False", "PodScheduled", reason="SchedulingGated")),
        ("SchedulingGated", 0, 1),
    ),
    "creating": (pod([status("a", waits("ContainerCreating"))], phase="Pending"), ("ContainerCreating", 0, 1)),
    "not ready": (pod([status("a", RUNNING)]), ("Running", 0, 1)),
    "crashing": (pod([status("a", waits("CrashLoopBackOff"), restarts=3)]), ("CrashLoopBackOff", 0, 1)),
    "one of two": (
        pod([status("a", RUNNING, ready=True), status("b", waits("ImagePullBackOff"))]),
        ("ImagePullBackOff", 1, 2),
    ),
    "the first has the last word": (
        pod([status("a", waits("ErrImagePull")), status("b", waits("CrashLoopBackOff"))]),
        ("ErrImagePull", 0, 2),
    ),
    "completed": (pod([status("a", ended(0, "Completed"))], phase="Succeeded"), ("Completed", 0, 1)),
    "error": (pod([status("a", ended(1, "Error"))], phase="Failed"), ("Error", 0, 1)),
    "exit code": (pod([status("a", ended(3))]), ("ExitCode:3", 0, 1)),
    "signal": (pod([status("a", ended(137, signal=9))]), ("Signal:9", 0, 1)),
    "completed beside running": (
        pod([status("a", ended(0, "Completed")), status("b", RUNNING, ready=True)], **ready()),
        ("Running", 1, 2),
    ),
    "completed beside running, not ready": (
        pod([status("a", ended(0, "Completed")), status("b", RUNNING, ready=True)], **ready("False")),
        ("NotReady", 1, 2),
    ),
    "terminating": (pod([status("a", RUNNING, ready=True)], metadata=DELETED), ("Terminating", 1, 1)),
    "deleted when finished": (
        pod([status("a", ended(0, "Completed"))], phase="Succeeded", metadata=DELETED),
        ("Completed", 0, 1),
    ),
    "node lost": (pod([status("a", RUNNING)], metadata=DELETED, reason="NodeLost"), ("Unknown", 0, 1)),
    "evicted": (pod(phase="Failed", reason="Evicted"), ("Evicted", 0, 1)),
    "init": (
        pod([status("a", waits("PodInitializing"))], [status("i", RUNNING)], "Pending", [PLAIN, PLAIN]),
        ("Init:0/2", 0, 1),
    ),
    "second init": (
        pod(
            [status("a", waits("PodInitializing"))],
            [status("i", ended(0)), status("j", waits("PodInitializing"))],
            "Pending",
            [PLAIN, {"name": "j"}],
        ),
        ("Init:1/2", 0, 1),
    ),
    "init waits": (
        pod([status("a", waits("PodInitializing"))], [status("i", waits("ErrImagePull"))], "Pending", [PLAIN]),
        ("Init:ErrImagePull", 0, 1),
    ),
    "init failed": (
        pod([status("a", waits("PodInitializing"))], [status("i", ended(1, "Error"))], "Pending", [PLAIN]),
        ("Init:Error", 0, 1),
    ),
    "init exit code": (
        pod([status("a", waits("PodInitializing"))], [status("i", ended(2))], "Pending", [PLAIN]),
        ("Init:ExitCode:2", 0, 1),
    ),
    "initialized": (
        pod([status("a", waits("PodInitializing"))], [status("i", ended(0))], "Pending", [PLAIN]),
        ("PodInitializing", 0, 1),
    ),
    "sidecar": (
        pod([status("a", RUNNING, ready=True)], [status("s", RUNNING, ready=True, started=True)], spec_init=[SIDECAR]),
        ("Running", 2, 2),
    ),
    "sidecar that starts": (
        pod([status("a", waits("PodInitializing"))], [status("s", RUNNING, started=False)], spec_init=[SIDECAR]),
        ("Init:0/1", 0, 2),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_status_column(case):
    found, expected = CASES[case]
    seen = standing(found)
    assert (seen.status, seen.ready, seen.containers) == expected


def test_restarts_say_when_the_last_was():
    last = ended(1, "Error", finishedAt="2025-12-31T23:59:50Z")
    shown = pod([status("a", RUNNING, ready=True, restarts=2, last=last)])
    assert rows("pods", [shown], NOW)[1] == ("web", "1/1", "Running", "2 (10s ago)", "60s")


def test_restarts_of_init_containers_count_only_until_they_are_through():
    init = [status("i", waits("CrashLoopBackOff"), restarts=4)]
    assert standing(pod([status("a", waits("PodInitializing"))], init, "Pending", [PLAIN])).restarts == 4
    through = [status("i", ended(0), restarts=4)]
    assert standing(pod([status("a", RUNNING, restarts=1)], through, "Running", [PLAIN])).restarts == 1


def test_wide():
    shown = pod(
        [status("a", RUNNING, ready=True)],
        podIP="10.0.0.1",
        podIPs=[{"ip": "10.0.0.1"}],
        nominatedNodeName="node-2",
        spec={"nodeName": "node-1", "readinessGates": [{"conditionType": "x"}, {"conditionType": "y"}]},
        **ready(type="x"),
    )
    heading, row = rows("pods", [shown], NOW, wide=True)
    assert heading[5:] == ("IP", "NODE", "NOMINATED NODE", "READINESS GATES")
    assert row[5:] == ("10.0.0.1", "node-1", "node-2", "1/2")
    assert rows("pods", [pod()], NOW, wide=True)[1][5:] == ("<none>",) * 4


def test_a_pod_without_status():
    assert (
        standing(
            convert.load(
                {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "c"}]}}
            ).object
        ).status
        == "Unknown"
    )
