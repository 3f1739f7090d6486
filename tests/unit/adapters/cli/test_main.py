import re
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


@pytest.fixture(autouse=True)
def heeded():
    # What runs in the background may be told to ignore Ctrl-C, and its children with it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_the_log_of_a_run_that_a_signal_ends_is_whole(desk, number, code, word):
    (desk / "behaviours.yaml").write_text('images: {"web:1": "exit 1 after 1s"}')
    command = [sys.executable, "-c", PROGRAM, "run", "pod.yaml", "--nodes", "1", "--record", "run.jsonl"]
    command += ["--limit", "9000h", "--behaviours", "behaviours.yaml"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while "CrashLoopBackOff" not in process.stdout.readline():
            pass
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (code, f"\n{word}\n")
    ended = program("replay", "run.jsonl")
    assert (ended.returncode, ended.stdout[:11]) == (0, "identical: ")
    assert '"end":{"digest":"sha256:' in (desk / "run.jsonl").read_text().splitlines()[-1]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_log_of_a_fork_that_a_signal_ends_is_whole(desk, number, code):
    (desk / "behaviours.yaml").write_text('images: {"web:1": "exit 1 after 1s"}')
    program("run", "pod.yaml", "--nodes", "1", "-q", "--record", "a.jsonl", "--behaviours", "behaviours.yaml")
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        "replay",
        "a.jsonl",
        "--at",
        "9s",
        "--fork",
        "b.jsonl",
        "--limit",
        "9000h",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while "CrashLoopBackOff" not in process.stdout.readline():
            pass
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == code
    assert program("replay", "b.jsonl").stdout.startswith("identical: ")


def test_a_signal_that_is_ignored_stays_so(desk):
    ended = shell(
        f"trap '' TERM INT; {sys.executable} -c '{PROGRAM}' run pod.yaml --nodes 1 -q & kill -TERM $!; wait $!"
    )
    assert (ended.returncode, ended.stderr[:5]) == (0, "took ")


def test_ctrl_c_while_the_program_begins_is_one_line(desk):
    # Halfway through imports, whichever these are: that many instructions after the first of them.
    code = (
        "import os, signal, sys\n"
        "from reconcile.adapters.cli import main\n"
        "left = [int(sys.argv.pop(1))]\n"
        "def importing(event, args):\n"
        "    if event == 'import':\n"
        "        left[0] -= 1\n"
        "        if left[0] == 0:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.addaudithook(importing)\n"
        "main()\n"
    )
    for imports in (1, 30, 300):
        ended = program(str(imports), "run", "pod.yaml", "--nodes", "1", "-q", code=code)
        assert (ended.returncode, ended.stdout, ended.stderr.strip()) == (130, "", "interrupted"), imports


CLOSED = {"<&-": "standard input is closed", ">&-": "standard output is closed", "2>&-": ""}


@pytest.mark.parametrize("closed", CLOSED)
def test_step_with_a_closed_stream(desk, closed):
    ended = shell(f"echo '{{\"do\": \"digest\"}}' | {sys.executable} -c '{PROGRAM}' step --nodes 1 {closed}")
    if closed == "2>&-":
        assert (ended.returncode, ended.stdout[:10]) == (0, '{"ok":true')
        return
    assert ended.returncode == 1
    assert re.fullmatch(rf"error: {CLOSED[closed]}: no lines can be \w+\n", ended.stderr)


@pytest.mark.parametrize("closed", [*CLOSED, "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("run pod.yaml --nodes 1 --record run.jsonl", 0),
        ("run none.yaml", 1),
        ("run --nodes x pod.yaml", 1),
        ("replay run.jsonl", 1),
        ("step --nodes x", 1),
    ],
)
def test_no_command_minds_a_closed_stream(desk, closed, command, code):
    ended = shell(f"{sys.executable} -c '{PROGRAM}' {command} {closed}")
    assert (ended.returncode, "Traceback" in ended.stderr) == (code, False)
    if "--record" in command:
        assert program("replay", "run.jsonl").returncode == 0
    if code and "2>&-" not in closed:
        assert "rror: " in ended.stderr


@pytest.mark.parametrize("command", ["replay -", "get pods --log -", "diff - pod.yaml", "run -"])
def test_what_is_read_from_a_closed_standard_input_is_refused(desk, command):
    ended = shell(f"{sys.executable} -c '{PROGRAM}' {command} <&-")
    assert (ended.returncode, ended.stderr.count("\n"), ended.stderr[:7]) == (1, 1, "error: ")
    assert "closed" in ended.stderr


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
