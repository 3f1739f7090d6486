"""A session goes on where it ended: from a checkpoint or from the log alone, to the same digest."""

import asyncio
import json
import os

import pytest

pytest.importorskip("aiohttp", reason="serving comes with the extra 'serve'")

from reconcile.adapters.keeping.directory import Directory, DirectoryError
from reconcile.adapters.keeping.identity import identity_of
from reconcile.adapters.keeping.session import begin, origin, resume
from reconcile.cluster import Cluster, Topology
from reconcile.driver.client import applied
from reconcile.driver.log.chain import Writer
from reconcile.driver.serving.readying import ready
from reconcile.driver.wire import state_digest

TOPOLOGY = Topology(nodes=1, managed_fields=True)


def config_map(name, text="1"):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"text": text}}


def write(kept, name):
    assert applied(kept.live.machine, config_map(name), submit=kept.live.happen).ok
    kept.live.recorder.segment()


@pytest.fixture
def path(tmp_path):
    """The data directory of a session that was killed after it wrote two objects."""
    found = tmp_path / "data"
    with Directory(found) as directory:
        kept = begin(directory, Cluster.boot(TOPOLOGY, seed=3), (), ready)
        write(kept, "one")
        write(kept, "two")
        kept.journal.keep()
        (tmp_path / "digest").write_text(state_digest(kept.live.cluster))
        kept.journal.close()
    return found


def resumed(path):
    with Directory(path) as directory:
        kept = resume(directory, ())
        kept.journal.close()
    return kept


@pytest.mark.parametrize("with_checkpoint", [True, False])
def test_it_goes_on_where_it_was(path, with_checkpoint):
    found = sorted(path.glob("checkpoint-*"))
    assert len(found) == 1
    if not with_checkpoint:
        found[0].unlink()
    kept = resumed(path)
    assert state_digest(kept.live.cluster) == (path.parent / "digest").read_text()
    assert kept.said == ()


def test_it_is_written_on(path):
    with Directory(path) as directory:
        kept = resume(directory, ())
        write(kept, "three")
        kept.end(kept.live)
        kept.journal.close()
        digest = state_digest(kept.live.cluster)
    assert state_digest(resumed(path).live.cluster) == digest
    for checkpoint in path.glob("checkpoint-*"):
        checkpoint.unlink()
    assert state_digest(resumed(path).live.cluster) == digest


def test_a_checkpoint_that_is_damaged_or_of_another_log_is_passed_over(path):
    [found] = path.glob("checkpoint-*")
    content = found.read_bytes()
    found.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert resumed(path).live.cluster.get("configmaps", "two") is not None
    found.rename(found.with_name("checkpoint-000000000002"))
    found.with_name("checkpoint-000000000002").write_bytes(content)
    assert resumed(path).live.cluster.get("configmaps", "two") is not None


@pytest.mark.parametrize(
    "tail", [b"{", b'{"event":{"Submit"', b"\0" * 5000, b"\n", b'{"event":1,"line":7,"check":"0123456789abcdef"}']
)
def test_a_torn_tail_is_cut_off_and_said(path, tail):
    log = path / "log.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole + tail)
    kept = resumed(path)
    assert kept.said == (f"{log}: {len(tail)} bytes at its end, which were being written, are cut off",)
    assert log.read_bytes() == whole
    assert state_digest(kept.live.cluster) == (path.parent / "digest").read_text()


def test_a_damaged_middle_is_refused_and_nothing_is_changed(path):
    log = path / "log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4].replace(b'"', b"'", 1)
    log.write_bytes(b"".join(lines))
    with pytest.raises(DirectoryError, match=r"log\.jsonl: line 5: it is not what was written, and lines follow it"):
        resumed(path)
    assert log.read_bytes() == b"".join(lines)


def test_a_log_that_is_set_back_is_gone_on_with(path):
    with Directory(path) as directory:
        kept = resume(directory, ())
        lines = kept.journal.lines()
        fork = kept.live.fork(kept.journal.write)
        write(kept, "three")
        kept.end(kept.live)
        kept.journal.replace(lines)
        write_on = fork.happen
        assert applied(fork.machine, config_map("four"), submit=write_on).ok
        fork.recorder.segment()
        kept.journal.close()
    found = resumed(path).live.cluster
    assert [found.get("configmaps", name) is not None for name in ("two", "three", "four")] == [True, False, True]


def test_what_was_not_begun_is_begun_anew(tmp_path):
    def fails(_):
        raise KeyboardInterrupt

    with Directory(tmp_path) as directory:
        with pytest.raises(KeyboardInterrupt):
            begin(directory, Cluster.boot(TOPOLOGY), (), fails)
        assert not directory.begun
    with Directory(tmp_path) as directory:
        begin(directory, Cluster.boot(TOPOLOGY, seed=9), (), ready).journal.close()
        assert directory.begun
        assert origin(directory) == (TOPOLOGY, 9)


def test_what_waits_for_the_disk_waits_together(tmp_path, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(real(descriptor)))
    with Directory(tmp_path) as directory:
        kept = begin(directory, Cluster.boot(TOPOLOGY), (), ready)
        before = len(synced)

        async def many():
            async def one(number):
                write(kept, f"m{number}")
                await kept.journal.kept()
                assert (tmp_path / "log.jsonl").stat().st_size >= size

            size = kept.journal.size
            await asyncio.gather(*[one(number) for number in range(30)])

        asyncio.run(many())
        assert len(synced) - before <= 2
        kept.journal.close()


def test_a_disk_that_fails_acknowledges_nothing(path, monkeypatch):
    with Directory(path) as directory:
        kept = resume(directory, ())
        told = []
        kept.journal.on_failure = lambda: told.append(True)
        write(kept, "lost")

        def full(_):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            for _ in range(2):
                with pytest.raises(DirectoryError, match=r"log\.jsonl: cannot be written: No space left on device"):
                    asyncio.run(kept.journal.kept())
        assert told == [True]
        kept.journal.close()


def test_a_directory_is_for_one_process(path):
    with Directory(path), pytest.raises(DirectoryError, match=rf"is in use by another process, {os.getpid()}$"):
        Directory(path)
    Directory(path).__exit__(None, None, None)


@pytest.mark.parametrize("field", ["data", "reconcile", "kubernetes"])
def test_another_version_is_refused(path, field):
    about = path / "about.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), field: "0.0.1"}))
    with pytest.raises(
        DirectoryError, match=r"was written by reconcile .*0\.0\.1.*; this is reconcile .*: nothing was changed"
    ):
        Directory(path)


def test_a_log_that_plays_otherwise_is_refused(path):
    """A line that is rightly chained but says what did not happen is found when it is played."""
    log = path / "log.jsonl"
    lines = []
    writer = Writer(lines.append)
    for raw in log.read_bytes().splitlines():
        content = {key: value for key, value in json.loads(raw).items() if key not in ("line", "check")}
        if "run" in content:
            content["marks"] = "0" * len(content["marks"])
        writer.line(content)
    log.write_text("".join(lines))
    with pytest.raises(DirectoryError, match=r"log\.jsonl: the replay diverges at line 2, step 0: .*: nothing was"):
        resumed(path)


def test_something_else_is_no_data_directory(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(DirectoryError, match=r"is no data directory: it holds thesis\.tex"):
        Directory(tmp_path)


def test_the_authority_stays(path):
    with Directory(path) as directory:
        first = identity_of(directory)
        again = identity_of(directory)
        assert (first.authority.certificate, first.admin) == (again.authority.certificate, again.admin)
        assert (path / "authority.pem").stat().st_mode & 0o777 == 0o600
        (path / "authority.pem").write_text("?")
        with pytest.raises(DirectoryError, match=r"authority\.pem: is no certificate with its key"):
            identity_of(directory)
