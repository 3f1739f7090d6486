"""
How much of what a real API server answered is answered alike.

The share of each group is printed (`pytest tests/fidelity -s`), and cannot fall below what stands in floors.json.
"""

import gzip
import json
from collections import Counter
from pathlib import Path

import gated
import grouped
import pytest
from cases import cases
from normal import normal
from playing import played

HERE = Path(__file__).parent
FLOORS = json.loads((HERE / "floors.json").read_text(encoding="utf-8"))
GATED = {
    gated: {"candidates": 80, "leases": 8, "discovery": 7},
    grouped: {"groups": 64, "workloads": 25, "pods": 9, "discovery": 5},
}


def alike(real, ours):
    counts = Counter()
    for one, other in zip(real, ours, strict=True):
        assert one["case"] == other["case"]
        for theirs, mine in zip(one["answers"], other["answers"], strict=True):
            counts[one["group"], "asked"] += 1
            counts[one["group"], "alike"] += normal(theirs, one["namespace"]) == normal(mine, other["namespace"])
    return counts


def recorded(name="answers.jsonl.gz"):
    with gzip.open(HERE / name, "rt", encoding="utf-8") as file:
        header, *rows = map(json.loads, file)
    assert header["server"].startswith("v1.36.")
    return rows


@pytest.fixture(scope="module")
def counts():
    found = alike(recorded(), played())
    for group in FLOORS:
        asked, same = found[group, "asked"], found[group, "alike"]
        print(f"{group:12} {same:4} of {asked:4} alike, {100 * same / asked:.1f} percent")
    return found


@pytest.mark.parametrize("group", sorted(FLOORS))
def test_no_less_is_alike_than_was(counts, group):
    assert counts[group, "alike"] >= FLOORS[group]


def test_every_group_has_its_floor():
    assert {group for _, group, _ in cases()} == set(FLOORS)


@pytest.mark.parametrize("module", GATED, ids=lambda module: module.__name__)
def test_no_less_is_alike_while_a_gate_is_on(module):
    found = alike(recorded(f"{module.__name__}.jsonl.gz"), played(module.cases, module.GATES))
    assert {group: found[group, "alike"] for group in GATED[module]} == GATED[module]


def test_another_answer_is_told_from_the_same():
    real = recorded()
    changed = json.loads(json.dumps(real))
    changed[0]["answers"][0]["code"] = 418
    assert sum(alike(real, real).values()) - sum(alike(real, changed).values()) == 1
