import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reconcile.lib.version import __version__

PROGRAM = "from reconcile.adapters.cli import main; main()"


def program(*args, cwd=None, code=PROGRAM, **more):
    command = [sys.executable, "-c", code, *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=cwd, **more)


def shell(line):
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=60)


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
    ended = shell(f"{run} | head -n 1; exit ${{PIPESTATUS[0]}}")
    assert ended.returncode in (0, 141)
    assert ended.stdout.count("\n") == 1
    assert "Traceback" not in ended.stderr
    assert "BrokenPipe" not in ended.stderr


@pytest.mark.parametrize("command", ["run pod.yaml --nodes 1", "run pod.yaml --nodes 1 -q", "step", "--help"])
def test_output_that_cannot_be_written(desk, command):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no device that is always full")
    line = f"echo '{{\"do\": \"digest\"}}' | {sys.executable} -c '{PROGRAM}' {command}"
    said = "error: the output cannot be written: No space left on device\n"
    ended = shell(f"{line} >/dev/full")
    assert (ended.returncode, ended.stderr) == (1, said)
    assert shell(f"{line} 2>/dev/full >/dev/full").returncode == 1


def test_no_output_at_all(desk):
    for more in ("", "-q"):
        ended = shell(f"{sys.executable} -c '{PROGRAM}' run pod.yaml --nodes 1 {more} >&-")
        assert (ended.returncode, ended.stderr.split(" ")[0]) == (0, "took")


def test_the_log_of_an_interrupted_run_is_whole(desk):
    (desk / "behaviours.yaml").write_text('images: {"web:1": "exit 1 after 1s"}')
    command = [sys.executable, "-c", PROGRAM, "run", "pod.yaml", "--nodes", "1", "--record", "run.jsonl"]
    command += ["--limit", "9000h", "--behaviours", "behaviours.yaml"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while "CrashLoopBackOff" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "\ninterrupted\n")
    ended = program("replay", "run.jsonl")
    assert (ended.returncode, ended.stdout[:11]) == (0, "identical: ")


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
