"""Controllers of a user's own on the command line: runs, replays, forks, looks and comparisons with them."""

import json
import shutil
import sys

import pytest

from reconcile import Topology
from reconcile.adapters.cli.step import serve_standard_streams
from reconcile.adapters.own import load_controllers, raised_by
from tests.scenarios.own import exposer, modest

OWN = "tests.scenarios.own"
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {port: "80"}
"""


@pytest.fixture
def recorded(reconcile, desk):
    (desk / "config.yaml").write_text(CONFIG)
    run = ("run", "config.yaml", "--nodes", 1, "-q", "--controllers", f"{OWN}:exposer")
    assert reconcile(*run, "--record", "run.jsonl").code == 0
    return "run.jsonl"


def test_a_run_with_them_is_played_read_and_forked_with_them(reconcile, desk, recorded):
    given = ("--controllers", f"{OWN}:exposer")
    assert json.loads((desk / recorded).read_text().splitlines()[0])["modules"] == [f"{OWN}:exposer"]
    assert reconcile("replay", recorded, *given).out.startswith("identical: ")
    assert "service/web" not in reconcile("get", "service/web", "--log", recorded, *given).err
    assert reconcile("diff", recorded, recorded, *given).code == 0
    assert reconcile("replay", recorded, "--until", 100, "--fork", "fork.jsonl", "-q", *given).code in (0, 2)
    assert reconcile("replay", "fork.jsonl", *given).code == 0


@pytest.mark.parametrize("words", [("replay",), ("get", "pods", "--log")])
def test_without_them_it_says_what_to_give(reconcile, recorded, words):
    ended = reconcile(*words, recorded)
    assert ended.code == 1
    assert ended.err == (
        f"error: {recorded}:1: LogError: the run had the controller exposer, the replay is given no controllers of the"
        f" user's own: give --controllers {OWN}:exposer\n"
    )


def test_what_it_may_not_do_is_said(reconcile, desk):
    (desk / "config.yaml").write_text(CONFIG)
    run = ("run", "config.yaml", "--nodes", 1, "-q", "--limit", "20s")
    ended = reconcile(*run, "--controllers", f"{OWN}:modest")
    assert ended.code == 2
    assert "modest fails at default/web" in ended.out
    assert "403 Forbidden: services is forbidden" in ended.out


def test_one_that_gives_up_is_said(reconcile, desk):
    (desk / "config.yaml").write_text(CONFIG)
    (desk / "short_of_breath.py").write_text(
        f"import attrs\nfrom {OWN} import modest\n\nshort = [attrs.evolve(modest, retries=1)]\n"
    )
    try:
        ended = reconcile("run", "config.yaml", "--nodes", 1, "-q", "--controllers", "short_of_breath:short")
    finally:
        sys.modules.pop("short_of_breath", None)
    assert ended.code == 2
    assert "what a controller has given up:\n  kube-controller-manager/node-1: modest fails" in ended.out


RAISES = """\
from reconcile.components.controllers import Controller, Outcome, Source

def port_of(obj):
    return int(obj.data["port"] + "?")

def seen(ask):
    port_of(ask.views.get("configmaps", ask.key))
    return Outcome()

raises = Controller(name="raises", sources=(Source("configmaps", lambda change, _: (change.key,)),), reconcile=seen)
"""


def test_what_it_raises_is_said_with_its_place(reconcile, desk):
    (desk / "config.yaml").write_text(CONFIG)
    (desk / "raising.py").write_text(RAISES)
    try:
        ended = reconcile("run", "config.yaml", "--nodes", 1, "-q", "--controllers", "raising:raises")
    finally:
        sys.modules.pop("raising", None)
    said = "error: raising.py, line 4, in port_of: "
    assert ended.code == 1
    assert ended.err.startswith(said)
    assert len(ended.err.splitlines()) == 1


def test_what_others_raise_is_none_of_its():
    with pytest.raises(ValueError, match="invalid literal") as caught:
        int("x")
    assert raised_by(caught.value) == ""


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("nowhere", "nowhere: expected MODULE:NAME"),
        ("nowhere:x", "nowhere:x: nowhere cannot be imported: ModuleNotFoundError: No module named 'nowhere'"),
        (f"{OWN}:nobody", f"{OWN} has no nobody"),
        (f"{OWN}:reconcile", "is neither a Controller nor an Application"),
    ],
)
def test_what_is_no_controller_is_refused_in_one_line(reconcile, word, said):
    ended = reconcile("run", "pod.yaml", "--controllers", word)
    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert said in ended.err


def test_several_in_order():
    assert load_controllers((f"{OWN}:modest", f"{OWN}:exposer")) == (modest, exposer)


def test_the_pipe_has_them(monkeypatch, capsys):
    class In:
        buffer = [b'{"do": "get", "resource": "clusterroles", "name": "controller:modest"}\n']  # noqa: RUF012 -- a stand-in

    monkeypatch.setattr(sys, "stdin", In)
    serve_standard_streams(Topology(nodes=1), 0, (f"{OWN}:modest",))
    answer = json.loads(capsys.readouterr().out)
    assert answer["object"]["metadata"]["name"] == "controller:modest"


def test_a_plugin_of_the_scheduler_is_replayed_by_its_name(reconcile, desk, root):
    shutil.copy(root / "docs" / "examples" / "packers.py", desk)
    path, record = desk / "scheduler.yaml", desk / "run.jsonl"
    path.write_text(
        "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
        "profiles: [{plugins: {multiPoint: {enabled: [{name: Packer}]}}}]\n"
    )
    given = ("--scheduler-config", path, "--controllers", "packers:packer", "--nodes", 2, "-q", "--record", record)
    assert reconcile("run", "pod.yaml", *given).code == 0
    assert reconcile("replay", record, "--controllers", "packers:packer").code == 0
    ended = reconcile("replay", record)
    assert (ended.code, "--controllers packers:packer" in ended.err) == (1, True)
    found = reconcile("explain", "pod", "web", "--log", record, "--controllers", "packers:packer")
    assert "Packer" in found.out.splitlines()[1].split()


def test_the_log_of_a_run_that_fails_amid_a_step_holds_the_steps_before(reconcile, desk):
    (desk / "odd.py").write_text(
        "from reconcile.components.applications import Application\n"
        "odd = Application(name='odd', begin=lambda place: 0, step=lambda state, event: (state, ('x',)))\n"
    )
    (desk / "behaviours.yaml").write_text("images: {'*': component odd}\n")
    own = ("--controllers", "odd:odd")
    said = "error: application 'odd' gave 'x', which it cannot order\n"
    ended = reconcile("run", "pod.yaml", "--behaviours", "behaviours.yaml", *own, "-q", "--record", "run.jsonl")
    assert (ended.code, ended.err) == (1, said)
    ended = reconcile("replay", "run.jsonl", *own)
    assert (ended.code, ended.err.endswith("the log is cut: it has no end line\n")) == (1, True)
    assert (
        reconcile("run", "--from", "run.jsonl", *own, "-q").err
        == "error: application 'odd' gave 'x', which it cannot order\n"
    )
