"""The store against a real etcd: as it was recorded, and one that runs, where there is one."""

import gzip
import json

import pytest

from tests.fidelity.etcd import ours, real
from tests.fidelity.etcd.programs import program
from tests.fidelity.etcd.record import ANSWERS

RECORDED = [json.loads(line) for line in gzip.decompress(ANSWERS.read_bytes()).splitlines()]


def compared(seed, theirs):
    for operation, found, expected in zip(program(seed), ours.answers(program(seed)), theirs, strict=True):
        if operation["do"] == "watch" and operation["revision"] == found.get("compacted"):
            continue  # etcd plays what is left of the compacted revision itself; the store counts it as forgotten
        assert found == expected, f"program {seed}: {operation}"


@pytest.mark.parametrize("row", RECORDED, ids=lambda row: row["seed"])
def test_the_store_answers_as_etcd_did(row):
    compared(row["seed"], row["answers"])


def test_the_programs_reach_every_kind_of_answer():
    answers = [answer for row in RECORDED for answer in row["answers"]]
    errors = {answer["error"] for answer in answers if "error" in answer}
    assert errors == {"lease", "duplicate", "compacted", "future"}
    assert {answer.get("succeeded") for answer in answers} == {True, False, None}
    assert any(answer.get("keys") for answer in answers)
    assert any(answer.get("events") for answer in answers)
    assert any(answer.get("rows") for answer in answers)


def test_the_store_answers_as_an_etcd_that_runs(tmp_path):
    path = real.program()
    if path is None:
        pytest.skip("there is no etcd here (Debian's package etcd-server has one, or name one in $ETCD)")
    with real.started(path, tmp_path) as etcd:
        for seed in range(1001, 1031):
            compared(seed, real.answers(etcd, seed, program(seed)))
