"""Commands: what can be read of them, and that nothing is said of what cannot be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.lib.instant import MINUTE, SECOND
from reconcile.model.commands import DONE, WORK, Outcome, outcome


def shell(script, *, task=False):
    return outcome(("sh", "-c", script), (), task=task)


@pytest.mark.parametrize(
    ("argv", "code", "after"),
    [
        (["true"], 0, 0),
        (["/bin/false"], 1, 0),
        (["echo", "exit 3"], 0, 0),
        (["sleep", "3600"], 0, 60 * MINUTE),
        (["sleep", "1.5s", "2m"], 0, 121 * SECOND + SECOND // 2),
        (["sleep", "1h"], 0, 60 * MINUTE),
        (["sleep", "soon"], 1, 0),
        (["sleep"], 1, 0),
        (["sleep", "infinity"], None, 0),
        (["sleep", "999999999999"], None, 0),
        (["tail", "-f", "/dev/null"], None, 0),
        (["tail", "-n1", "/etc/hosts"], 0, 0),
        (["yes"], None, 0),
        (["/bin/sh", "-c", "exit 7"], 7, 0),
        (["bash", "-euo", "pipefail", "-c", "false; exit 3"], 1, 0),
        (["sh", "-ec", "false || true; exit 3"], 3, 0),
        (["sh", "-c", "bash -c 'exit 4'; exit $?"], 4, 0),
    ],
)
def test_what_a_container_is_started_with(argv, code, after):
    found = outcome(tuple(argv), ())
    assert (found.code, found.after) == (code, after)
    assert outcome(tuple(argv[:1]), tuple(argv[1:])) == found


@pytest.mark.parametrize(
    ("script", "code", "seconds"),
    [
        ("", 0, 0),
        ("exit 0", 0, 0),
        ("exit 258", 2, 0),
        ("sleep 2; exit 1", 1, 2),
        ("sleep 1 && sleep 2 || exit 5", 0, 3),
        ("false && exit 5; exit 6", 6, 0),
        ("false || sleep 4 && exit 9", 9, 4),
        ("! true", 1, 0),
        ("(exit 3); sleep 1; exit 4", 4, 1),
        ("{ sleep 1; exit 3; }; exit 4", 3, 1),
        ("sleep 3 | sleep 5 | false", 1, 5),
        ("set -e\nmkdir -p /data\n# nothing\nfalse\nexit 9", 1, 0),
        ("set -e; if false; then exit 1; elif true; then sleep 2; else exit 3; fi; exit 4", 4, 2),
        ("set -o errexit; ! true; false", 1, 0),
        ("for i in a b c; do sleep 2; done", 0, 6),
        ("for i in a b c; do sleep 2; break; done; exit 3", 3, 2),
        ("while true; do sleep 3; exit 2; done", 2, 3),
        ("until true; do sleep 3; done", 0, 0),
        ("A=b; B=c sleep 1", 0, 1),
        ("exec sleep 5; exit 3", 0, 5),
        ("cp /a \\\n  /b && chmod 700 /b; date > /c 2>&1", 0, 0),
        ("trap 'exit 9' TERM; cd /tmp; export A=1; exit", 0, 0),
    ],
)
def test_a_script(script, code, seconds):
    found = shell(script)
    assert (found.code, found.after) == (code, seconds * SECOND)


@pytest.mark.parametrize(
    "script",
    [
        "while true; do sleep 1; done",
        "while :; do curl http://web; sleep 1; done",
        "until false; do date; done",
        "while [ 1 ]; do echo; done",
        "while sleep 5; do true; done",
        "set -e; sleep 3; exec tail -f /dev/null; exit 3",
        "echo go; sleep infinity | cat",
    ],
)
def test_what_runs_for_ever(script):
    for task in (False, True):
        found = shell(script, task=task)
        assert found.code is None


@pytest.mark.parametrize(
    "script",
    [
        "server --port 80",
        "setup && exit 1",
        "server; exit 3",
        "$CMD",
        "sleep $DELAY",
        "while ! nc -z db 80; do sleep 1; done",
        "while true; do check || break; sleep 1; done",
        "case x in x) exit 1;; esac",
        "f() { exit 1; }; f",
        "cat <<EOF\nexit 1\nEOF",
        "sleep 5 & wait",
        "exit $CODE",
        "[ -f /x ] && exit 1",
        "echo 'no end",
        "if true; then exit 1",
        ")",
        "true &&",
        "for i in $(seq 3); do sleep 1; done",
        "for i in 1; do " * 60 + "true" + "; done" * 60,
    ],
)
def test_nothing_is_said_of_what_cannot_be_read(script):
    assert shell(script) is None


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("migrate --all", DONE),
        ("until nslookup db; do sleep 2; done; exit 3", Outcome(3, WORK)),
        ("while ! nc -z db 80; do sleep 1; done", Outcome(0, WORK)),
        ("migrate; sleep 2; exit 4", Outcome(4, WORK + 2 * SECOND)),
        ("test -f /x && exit 1", DONE),
        ("if grep a /b; then exit 1; fi", DONE),
        ("while wget x; do sleep 1; done", DONE),
        ("case x in x) exit 1;; esac", DONE),
        ("exit $CODE", DONE),
    ],
)
def test_a_task_is_taken_to_succeed_where_it_cannot_be_read(script, expected):
    assert shell(script, task=True) == expected


def test_without_a_command_the_arguments_count_where_they_are_one():
    assert outcome((), ()) is None
    assert outcome((), ("--port", "80")) is None
    assert outcome((), ("exit", "1")) is None
    assert outcome((), ("/bin/sh", "-c", "exit 2")) == Outcome(2)
    assert outcome((), ("sleep", "2")) == Outcome(0, 2 * SECOND)
    assert outcome((), (), task=True) == DONE
    assert outcome((), ("--once",), task=True) == DONE
    assert outcome(("exit", "1"), ()) is None  # a shell's word is no program


def test_what_is_written_and_when():
    script = "echo -n 'a  b' \"c\"; sleep 2; echo hidden > /x; echo seen >&2; printf 'x\\ny\\n'; echo d | tee /e"
    assert shell(script + "; echo f | wc", task=True).lines == (
        (0, "a  b c"),
        (2 * SECOND, "seen"),
        (2 * SECOND, "x"),
        (2 * SECOND, "y"),
        (2 * SECOND, "d"),
    )


def test_a_loop_writes_the_same_every_round():
    found = shell("echo begin; while true; do echo tick; sleep 5; done")
    assert found == Outcome(None, 0, ((0, "begin"), (0, "tick")), round=1, every=5 * SECOND)
    assert shell("while true; do echo tick; sleep 5; done > /log").lines == ()


@pytest.mark.parametrize(
    ("script", "deaf"),
    [
        ("trap '' TERM; sleep 60", True),
        ("trap '' INT SIGTERM; while true; do sleep 5; done", True),
        ("trap '' 15; trap - TERM; sleep 60", False),
        ("trap 'exit 0' TERM; sleep 60", False),
        ("trap '' INT; sleep 60", False),
        ("(trap '' TERM); sleep 60", False),
    ],
)
def test_who_ignores_sigterm(script, deaf):
    assert outcome(("sh", "-c", script), ()).deaf is deaf


def test_what_is_long_or_deep_comes_to_an_end():
    assert shell("for a in 1 2 3 4 5 6 7 8 9; do " * 7 + "true" + "; done" * 7) is None
    assert shell("(" * 5000 + ")" * 5000) is None
    assert shell("sleep 1;" * 200_000) is None
    assert shell("echo " + "$(" * 5000) is None


MARKS = [*"'\"\\$`(){}<>|&;\n #!x1", "&&", "||", "$(", "2>&1", ""]
WORDS = ["if", "then", "fi", "while", "do", "done", "for", "in", "else", "until", "break", "exec", "set -e"]
TOOLS = ["sleep 1", "exit 2", "echo a", "true", "false", "sh -c "]
SCRAPS = st.lists(st.sampled_from([*MARKS, *WORDS, *TOOLS]), max_size=14).map(" ".join)


@given(SCRAPS, st.booleans())
def test_whatever_is_written_is_read_or_not(script, task):
    found = shell(script, task=task)
    assert found is not None or not task
    assert found is None or found.code is None or (0 <= found.code < 256 and found.after >= 0)
