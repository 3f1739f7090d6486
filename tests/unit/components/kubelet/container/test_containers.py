"""Containers: ephemeral ones, how they end, who they run as, what they are called."""

import pytest

from reconcile.api import core_v1
from reconcile.components import world
from reconcile.lib.replacing import replace


def added(lab, *names, image="debug:1"):
    pod = lab.pod()
    rows = tuple(
        [core_v1.EphemeralContainer(name=name, image=image, image_pull_policy="IfNotPresent") for name in names]
    )
    lab.put("pods", replace(pod, spec=replace(pod.spec, ephemeral_containers=rows)))


def test_an_ephemeral_container_is_started_once(lab):
    lab = lab({"debug:1": "exit 1 after 5s"})
    lab.bind()
    lab.run(10)
    added(lab, "debug")
    lab.run(4)
    (row,) = lab.pod().status.ephemeral_container_statuses
    assert (row.name, row.state.running is not None, row.ready) == ("debug", True, False)
    assert lab.conditions()["Ready"][0] == "True"
    lab.run(60)
    (row,) = lab.pod().status.ephemeral_container_statuses
    assert (row.state.terminated.exit_code, row.restart_count) == (1, 0)
    assert len(lab.pod().status.container_statuses) == 1
    assert lab.pod().status.phase == "Running"


def test_ephemeral_containers_are_added_one_after_the_other(lab):
    lab = lab()
    lab.bind()
    lab.run(10)
    added(lab, "one")
    lab.run(5)
    added(lab, "one", "two")
    lab.run(5)
    assert [row.name for row in lab.pod().status.ephemeral_container_statuses if row.state.running] == ["one", "two"]
    lab.start()
    lab.run(5)
    assert [row.name for row in lab.pod().status.ephemeral_container_statuses if row.state.running] == ["one", "two"]
    lab.mark(grace=5)
    lab.run(5)
    assert lab.pod() is None


@pytest.mark.parametrize(
    ("behaviour", "policy", "message"),
    [
        ('exit 1 after 1s, message "no licence", logs "a"', "File", "no licence"),
        ('exit 1 after 1s, logs "a", logs "b"', "File", None),
        ('exit 1 after 1s, logs "a", logs "b"', "FallbackToLogsOnError", "a\nb\n"),
        ('exit 0 after 1s, logs "a"', "FallbackToLogsOnError", None),
        ('exit 1 after 1s, message "m", logs "a"', "FallbackToLogsOnError", "m"),
    ],
)
def test_a_container_leaves_a_message(lab, container, behaviour, policy, message):
    lab = lab({"web:1": behaviour})
    lab.bind(containers=(container("web", termination_message_policy=policy),), restart_policy="Never")
    lab.run(10)
    assert lab.status().state.terminated.message == message


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("Web:1", "invalid reference format: repository name (library/Web) must be lowercase"),
        ("web:", "invalid reference format"),
        ("a" * 64, f"invalid repository name ({'a' * 64}), cannot specify 64-byte hexadecimal strings"),
    ],
)
def test_an_image_whose_name_cannot_be_read(lab, container, image, why):
    lab = lab()
    lab.bind(containers=(container("web", image),))
    lab.run(5)
    waiting = lab.status().state.waiting
    assert waiting.reason == "InvalidImageName"
    assert (
        waiting.message == f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": {why}'
    )
    assert lab.said("Failed") == ["Error: InvalidImageName"]
    assert not [order for order in lab.orders if type(order).__name__ == "PullImage"]


def test_a_status_says_who_a_container_runs_as_and_what_it_has_mounted(lab, container):
    lab = lab()
    mounts = (
        core_v1.VolumeMount(name="files", mount_path="/files"),
        core_v1.VolumeMount(name="files", mount_path="/kept", read_only=True),
    )
    own = core_v1.SecurityContext(run_as_user=1000, run_as_group=3000)
    lab.bind(
        containers=(container("web", volume_mounts=mounts, security_context=own),),
        volumes=(core_v1.Volume(name="files", empty_dir=core_v1.EmptyDirVolumeSource()),),
        security_context=core_v1.PodSecurityContext(run_as_user=7, fs_group=2000),
    )
    lab.run(10)
    user = lab.status().user.linux
    assert (user.uid, user.gid, user.supplemental_groups) == (1000, 3000, (2000, 3000))
    assert [(row.mount_path, row.read_only, row.recursive_read_only) for row in lab.status().volume_mounts] == [
        ("/files", None, None),
        ("/kept", True, "Disabled"),
    ]


@pytest.mark.parametrize("policy", ["File", "FallbackToLogsOnError"])
def test_what_a_container_left_is_asked_for_by_a_kubelet_that_starts_later(lab, container, policy):
    said = {"File": 'message "bye"', "FallbackToLogsOnError": 'logs "bye"'}[policy]
    lab = lab({"web:1": f"exit 1 after 5s, {said}"})
    lab.bind(containers=(container("web", termination_message_policy=policy),), restart_policy="Never")
    lab.run(4)
    lab.queue = []
    lab.timers = {key: row for key, row in lab.timers.items() if key[0] != "kubelet"}
    lab.life += 1  # no kubelet hears of the end
    lab.run(6)
    lab.start()
    lab.run(2)
    (status,) = lab.pod().status.container_statuses
    assert status.state.terminated.message.strip() == "bye"


def test_what_a_container_uses_is_asked_for_by_a_kubelet_that_starts_later(lab):
    lab = lab({"web:1": "memory 64Mi..128Mi over 10s, disk 1Gi"})
    lab.bind()
    lab.run(7)
    lab.start()
    (found,) = [kept for pod in world.containers(lab.world).pods for kept in pod.containers]
    assert (64 << 20 < found.memory < 128 << 20, found.disk) == (True, 1 << 30)
    lab.run(1)
    (kept,) = lab.kubelet.pods["pod-web"].containers
    assert (kept.aside.memory, kept.aside.disk) == (found.memory, found.disk)
