import subprocess
import sys

import pytest

from reconcile.lib.version import __version__

PROGRAM = "from reconcile.adapters.cli import main; main()"


def program(*args, cwd=None, code=PROGRAM, **more):
    command = [sys.executable, "-c", code, *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=cwd, **more)


@pytest.fixture(autouse=True)
def path(monkeypatch, pytestconfig):
    monkeypatch.setenv("PYTHONPATH", str(pytestconfig.rootpath))


def test_version(reconcile):
    assert reconcile("--version").out == f"reconcile, version {__version__}\n"


def test_nothing_asked_shows_what_there_is(reconcile):
    ended = reconcile()
    assert ended.code == 1
    assert "Commands:" in ended.err
    assert reconcile("-h").code == 0


def test_in_a_process_of_its_own(desk):
    ended = program("run", "pod.yaml", "--nodes", "1", "--seed", "1")
    assert ended.returncode == 0
    assert "converged after " in ended.stdout
    assert "\x1b" not in ended.stdout
    assert ended.stderr.startswith("took ")


def test_whoever_reads_may_stop_reading(desk):
    run = f"{sys.executable} -c '{PROGRAM}' run pod.yaml --nodes 1"
    ended = subprocess.run(
        ["bash", "-c", f"{run} | head -n 1; exit ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ended.returncode in (0, 141)
    assert ended.stdout.count("\n") == 1
    assert "Traceback" not in ended.stderr
    assert "BrokenPipe" not in ended.stderr


def test_import_is_light():
    code = (
        "import sys, reconcile.adapters.cli\n"
        "print([name for name in ('attrs', 'click', 'rich', 'yaml', 'cattrs') if name in sys.modules])"
    )
    assert program(code=code).stdout == "[]\n"


def test_without_the_extra():
    code = "import sys; sys.modules['click'] = None\n" + PROGRAM
    ended = program("--version", code=code)
    assert ended.returncode == 1
    assert ended.stderr == "reconcile: the command line needs click: pip install 'reconcile[cli]' brings it\n"


def test_step_over_a_pipe(desk):
    ended = program("step", "--nodes", "1", input="nonsense\n")
    assert ended.returncode == 0
    assert ended.stdout.count("\n") == 1
    assert "error" in ended.stdout
