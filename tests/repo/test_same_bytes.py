"""
The same run is the same bytes: under any PYTHONHASHSEED, on any Python, and when it is replayed from its log.

Another Python is run with this one's installed packages, which are plain Python where they are needed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconcile.adapters.manifests import read_manifests
from reconcile.driver.log.replay import replay
from reconcile.driver.wire import state_digest

ROOT = Path(__file__).parents[2]
STORY = Path(__file__).with_name("recorded_story.py")
SEEDS = ("0", "1", "2", "3", "42", "1000", "65535", "123456789", "4294967295", "random")
NEWEST = 30


def pythons():
    """Find every other CPython from 3.11 on that the machine has: on the path, or of pyenv."""
    names = [f"python3.{minor}" for minor in range(11, NEWEST)]
    places = [path for name in names if (path := shutil.which(name))]
    pyenv = shutil.which("pyenv")
    if pyenv:
        home = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False).stdout.strip()
        places += sorted(str(path) for path in Path(home, "versions").glob("*/bin/python"))
    found = {}
    for place in places:
        minor = minor_of(place)
        if minor and minor != sys.version_info[:2] and minor not in found:
            found[minor] = place
    return [found[minor] for minor in sorted(found)]


def minor_of(place):
    """Give the version of an interpreter, or None if it is none that runs the library."""
    code = "import sys; print(*sys.version_info[:2], sys.implementation.name)"
    asked = subprocess.run([place, "-S", "-c", code], capture_output=True, text=True, check=False, timeout=60)
    match = re.fullmatch(r"3 (\d+) cpython\n", asked.stdout) if asked.returncode == 0 else None
    return (3, int(match[1])) if match and int(match[1]) >= 11 else None


def told(python, manifests, seed, *logs):
    """Let an interpreter tell the story; give what it wrote."""
    packages = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *packages]),
        "PYTHONHASHSEED": seed,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "0",
        "LC_ALL": "C",
        "TZ": "Asia/Kathmandu" if seed in ("3", "random") else "UTC",
    }
    command = [python, str(STORY), *map(str, logs)]
    done = subprocess.run(command, input=manifests, env=environment, capture_output=True, check=False, timeout=300)
    if done.returncode:
        said = done.stderr.decode()
        raise (LackingError if "ModuleNotFoundError: No module named" in said else AssertionError)(said.strip()[-2000:])
    return done.stdout


class LackingError(Exception):
    """An interpreter cannot import what the library needs."""


def parted(output):
    """Part what the story wrote into the log's lines and what was printed."""
    log, empty, rest = output.partition(b"\n\n")
    assert empty
    return [line + b"\n" for line in log.split(b"\n")], rest


@pytest.fixture(scope="module")
def manifests():
    """The guestbook, as JSON."""
    plain = [manifest.content for manifest in read_manifests(ROOT / "docs" / "examples" / "guestbook")]
    plain.sort(key=lambda manifest: manifest["kind"] != "Namespace")
    return json.dumps(plain).encode()


@pytest.fixture(scope="module")
def story(manifests):
    """The story as this Python tells it."""
    return told(sys.executable, manifests, SEEDS[0])


def test_the_story_has_a_bit_of_everything(story):
    lines, rest = parted(story)
    contents = [json.loads(line) for line in lines]
    kinds = {key for content in contents for key in content} & {"event", "run", "checkpoint", "end"}
    assert kinds == {"event", "run", "checkpoint", "end"}
    events = {content["event"]["event"] for content in contents if "event" in content}
    assert {"Submit", "StopHost", "Execute", "Deliver", "Work", "Carry"} <= events
    resources = {change[2] for content in contents for change in content.get("changes", ())}
    assert {"pods", "endpointslices.discovery.k8s.io", "events", "nodes"} <= resources
    assert b"KUBE-SERVICES" in rest


def test_ten_hash_seeds_write_the_same_bytes(story, manifests):
    with ThreadPoolExecutor(2) as pool:
        outputs = list(pool.map(lambda seed: told(sys.executable, manifests, seed), SEEDS[1:]))
    assert [seed for seed, output in zip(SEEDS[1:], outputs, strict=True) if output != story] == []


def test_a_replay_comes_to_the_same_state(story):
    lines, _ = parted(story)
    again = replay(lines)
    assert again.identical, again.divergence
    assert state_digest(again.cluster) == json.loads(lines[-1])["end"]["digest"]


def test_other_pythons_write_the_same_bytes_and_replay_ours(story, manifests, tmp_path):
    others = pythons()
    if not others:
        pytest.skip(f"NOT RUN: this machine has no CPython from 3.11 on besides {sys.version.split()[0]}")
    lines, _ = parted(story)
    log = tmp_path / "ours.jsonl"
    log.write_bytes(b"".join(lines))

    def compared(python):
        try:
            return "" if told(python, manifests, "random", log) == story else f"{python}: other bytes"
        except LackingError as error:
            return f"NOT RUN on {python}: {str(error).splitlines()[-1]}"

    with ThreadPoolExecutor(2) as pool:
        answers = [answer for answer in pool.map(compared, others) if answer]
    assert [answer for answer in answers if not answer.startswith("NOT RUN")] == []
    if answers:
        pytest.skip("; ".join(answers))
