"""What runs Kubernetes' own tests: how they are dealt out, and what is told of them."""

import json

import pytest

from tests.e2e import run


def report(path, **states):
    specs = [
        {
            "ContainerHierarchyTexts": ["[sig-apps] Job"],
            "LeafNodeType": "It",
            "LeafNodeText": name,
            "State": state,
            "Failure": {"Message": "why it failed"} if state == "failed" else {},
        }
        for name, state in states.items()
    ]
    suite = {"ContainerHierarchyTexts": None, "LeafNodeType": "BeforeSuite", "LeafNodeText": "", "State": "passed"}
    path.write_text(json.dumps([{"SpecReports": [suite, *specs]}]))
    return path


def test_each_reason_to_need_a_process_is_explained():
    head = [line for line in (run.HERE / "processes.tsv").read_text().splitlines() if line.startswith("# ")]
    explained = {line.split()[1] for line in head if line[2:].partition(" ")[2].startswith(" ")}
    assert set(run.set_apart().values()) <= explained


def test_groups_are_of_one_sig_and_not_too_big():
    names = tuple([f"[sig-apps] {number}" for number in range(run.MOST + 1)])
    found = run.groups((*names, "[sig-auth] x", "[sig-auth] y [Serial]"))
    assert {group: len(each) for group, each in found.items()} == {
        "apps-1": 7,
        "apps-2": 6,
        "auth-1": 1,
        "auth-serial-1": 1,
    }
    assert sorted(found["apps-1"] + found["apps-2"]) == sorted(names)


def test_a_table_counts_by_sig_and_tells_why(tmp_path):
    reports = [report(tmp_path / "a.json", one="passed", two="failed", three="skipped")]
    names = ("[sig-apps] Job one", "[sig-apps] Job two", "[sig-apps] Job three", "[sig-auth] x")
    said, failed = run.table(names, reports)
    assert failed == 1
    assert said.splitlines()[2:] == [
        "| apps | 3 | 0 | 2 | 1 |",
        "| auth | 1 | 0 | 0 | 0 |",
        "| all | 4 | 0 | 2 | 1 |",
        "",
        "FAILED [sig-apps] Job two",
        "    why it failed",
    ]


def test_no_test_ran_without_a_report(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(run.outcomes(tmp_path / "none.json"))
