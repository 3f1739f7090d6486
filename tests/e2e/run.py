"""
Run Kubernetes' own conformance tests against served clusters, and give the share that passes by SIG.

Takes:    the suite's program, `e2e.test` of Kubernetes 1.36, built by `build.sh`; $E2E_TEST says where, or --program.
          `processes.tsv`: the tests that need a process inside a container, and why; they are not run.
          `behaviours.yaml`: what the images of the tests do, for `reconcile serve --behaviours`.
Gives:    for each group a cluster of its own, a report (JSON, as Ginkgo writes it) and the server's words in --out;
          a table; exit status 1 if anything failed.
Source:   test/e2e of Kubernetes: what it tests is what a distribution must pass to be called conformant.
Left out: a group runs in one order and one process, as Ginkgo's random seed 1 has it.

    python tests/e2e/run.py list             what there is, and what is set apart
    python tests/e2e/run.py run auth apps    the groups of these SIGs; all without one
    python tests/e2e/run.py table            the share of each SIG, from the reports
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
ALONE = ("[Serial]", "[Disruptive]")
MOST = 12
"""How many tests a group has at most: groups run side by side."""
READY_SECONDS = 180.0


def conformance(program: str) -> tuple[str, ...]:
    """List the conformance tests of *program* by name."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ("--provider=skeleton", r"--ginkgo.focus=\[Conformance\]", "--ginkgo.dry-run")
        run = [program, *options, f"--ginkgo.json-report={report}"]
        subprocess.run(run, check=True, capture_output=True, timeout=120, cwd=folder)
        return tuple(sorted(name for name, state, _ in outcomes(report) if state == "passed"))


def outcomes(report: Path) -> Iterator[tuple[str, str, str]]:
    """Read a report of Ginkgo: the name, the state and what is said of the failure of each test."""
    for suite in json.loads(report.read_text()):
        for spec in suite["SpecReports"] or ():
            if spec["LeafNodeType"] == "It":
                name = " ".join([*(spec["ContainerHierarchyTexts"] or ()), spec["LeafNodeText"]])
                yield name, spec["State"], spec.get("Failure", {}).get("Message", "")


def set_apart() -> dict[str, str]:
    """Read which tests need a process, and why."""
    lines = (HERE / "processes.tsv").read_text().splitlines()
    pairs = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return {name: reason for reason, name in pairs}


def sig(name: str) -> str:
    """Give the SIG whose test it is."""
    return name.partition("]")[0].removeprefix("[sig-")


def groups(names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Sort tests by SIG, those that must be alone apart, and deal them out to as few groups as there must be."""
    kinds: dict[str, list[str]] = {}
    for name in names:
        kind = f"{sig(name)}-serial" if any(word in name for word in ALONE) else sig(name)
        kinds.setdefault(kind, []).append(name)
    found = {}
    for kind, mine in sorted(kinds.items()):
        many = -(-len(mine) // MOST)
        found.update({f"{kind}-{place + 1}": tuple(mine[place::many]) for place in range(many)})
    return found


@contextmanager
def served(out: Path, group: str, speed: str) -> Iterator[Path]:
    """Serve a cluster of three nodes while the block runs; gives its kubeconfig."""
    kubeconfig = out / f"{group}.kubeconfig"
    kubeconfig.unlink(missing_ok=True)
    reconcile = str(Path(sys.executable).with_name("reconcile"))
    files = {"--kubeconfig": kubeconfig, "--behaviours": HERE / "behaviours.yaml"}
    options = [text for option, file in files.items() for text in (option, str(file))]
    options += ["--nodes", "3", "--speed", speed]
    with (out / f"{group}.server").open("w") as said:
        server = subprocess.Popen([reconcile, "serve", *options], stdout=said, stderr=said)
        try:
            ends = time.monotonic() + READY_SECONDS
            while not kubeconfig.exists():
                if server.poll() is not None or time.monotonic() > ends:
                    raise SystemExit(f"{group}: the server did not come up, see {said.name}")
                time.sleep(0.1)
            yield kubeconfig
        finally:
            server.terminate()
            server.wait(30)


def run_group(given: argparse.Namespace, out: Path, group: str, names: tuple[str, ...]) -> Path:
    """Run some tests against a cluster of their own; gives the report."""
    report = out / f"{group}.json"
    report.unlink(missing_ok=True)
    focus = "|".join(f"{re.escape(name)}$" for name in names)
    environment = dict(os.environ)
    if kubectl := os.environ.get("KUBECTL") or shutil.which("kubectl"):
        environment["PATH"] = f"{Path(kubectl).parent}:{environment['PATH']}"
    with served(out, group, given.speed) as kubeconfig, (out / f"{group}.said").open("w") as said:
        run = [
            given.program,
            f"--kubeconfig={kubeconfig}",
            "--provider=skeleton",
            f"--ginkgo.focus={focus}",
            f"--ginkgo.json-report={report}",
            f"--ginkgo.timeout={given.minutes}m",
            "--ginkgo.seed=1",
            "--ginkgo.no-color",
            "--dump-logs-on-failure=false",
            "--ginkgo.v",
        ]
        environment["KUBECONFIG"] = str(kubeconfig)
        subprocess.run(
            run, check=False, stdout=said, stderr=said, env=environment, cwd=out, timeout=60 * given.minutes + 60
        )
    return report


def table(names: tuple[str, ...], reports: list[Path]) -> tuple[str, int]:
    """Count what passed by SIG, and name what failed; gives how many failed as well."""
    apart = set_apart()
    states = {}
    for report in reports:
        states.update(
            {name: (state, said) for name, state, said in outcomes(report) if state not in ("skipped", "pending")}
        )
    lines = ["| SIG | tests | need a process | run | passed |", "| --- | --- | --- | --- | --- |"]
    for each in (*sorted({sig(name) for name in names}), ""):
        mine = [name for name in names if each in ("", sig(name))]
        ran = [name for name in mine if name in states]
        passed = [name for name in ran if states[name][0] == "passed"]
        needs = [name for name in mine if name in apart]
        lines.append(f"| {each or 'all'} | {len(mine)} | {len(needs)} | {len(ran)} | {len(passed)} |")
    failed = [(name, said) for name, (state, said) in sorted(states.items()) if state != "passed"]
    lines += [f"\nFAILED {name}\n    {said.strip()[:600]}" for name, said in failed]
    return "\n".join(lines), len(failed)


def main() -> int:
    """Do what the command says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("list", "run", "table"))
    parser.add_argument(
        "groups", nargs="*", metavar="GROUP", help="a SIG, such as auth, or its serial tests: apps-serial"
    )
    parser.add_argument("--program", default=os.environ.get("E2E_TEST", "e2e.test"))
    parser.add_argument("--out", type=Path, default=Path("e2e-reports"))
    parser.add_argument("--only", default="", help="a regular expression that the names must fit")
    parser.add_argument("--apart", action="store_true", help="those that need a process, and no others")
    parser.add_argument("--jobs", type=int, default=2, help="how many groups at a time")
    parser.add_argument(
        "--speed", default="1", help="how time goes, as for `reconcile serve`; many tests wait to see nothing"
    )
    parser.add_argument("--minutes", type=int, default=40, help="how long a group may take")
    given = parser.parse_args()
    names, apart = conformance(given.program), set_apart()
    if unknown := sorted(set(apart) - set(names)):
        raise SystemExit(f"processes.tsv: no such test: {unknown[0]}")
    if given.command == "list":
        print("\n".join(f"{apart.get(name, '')}\t{name}" for name in names))
        return 0
    given.out.mkdir(parents=True, exist_ok=True)
    out = given.out.resolve()
    if given.command == "table":
        print(table(names, sorted(out.glob("*.json")))[0])
        return 0
    asked = tuple(name for name in names if (name in apart) == given.apart and re.search(given.only, name))
    found = {
        group: each
        for group, each in groups(asked).items()
        if not given.groups or group.rpartition("-")[0] in given.groups
    }
    with ThreadPoolExecutor(given.jobs) as pool:
        running = [pool.submit(run_group, given, out, group, each) for group, each in found.items()]
        reports = [each.result() for each in running]
    said, failed = table(asked, [report for report in reports if report.exists()])
    for report in reports:
        if not report.exists():
            failed += 1
            said += f"\nFAILED {report.stem}: there is no report, see {report.with_suffix('.said')}"
    print(said)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
