"""
What comes of real manifests: each folder below a directory is run by itself, and put into a table.

    python tests/benchmarks/manifests.py DIRECTORY [--nodes N] [--limit 30m] [--patience SECONDS] [--only WORD]

A folder is whatever holds files; it is run as `reconcile run FOLDER -R -q` does it. A line for each says what came of
it, in how many seconds, and the first reason; then each outcome is counted, and within it each kind of reason.
"""

from __future__ import annotations

import contextlib
import io
import re
import signal
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs
import click

import reconcile.adapters.cli.run  # noqa: F401 -- or the first input would pay for the import
from reconcile.adapters.cli import main

_OUTCOMES: Final = {0: "converged", 1: "refused", 2: "not converged"}
# The first that is found among the reasons tells their kind: what stops the others comes before what follows from it.
_KINDS: Final = (
    ("a kind that is not served", r"no matches for kind"),
    ("a namespace that is not there", r'namespaces ".*" not found'),
    ("an object whose name is to be drawn", r"cannot use generate name"),
    ("a file that cannot be read", r"not YAML|a key that is a list or a mapping|apiVersion: required"),
    ("an object that is not valid", r"is invalid:|is refused|unknown field|: required|expected "),
    ("an image that cannot be pulled", r"InvalidImageName|ErrImagePull|ImagePullBackOff"),
    ("a ConfigMap, Secret or account that is not there", r"(configmap|secret|serviceaccounts?) \"?.*\"? not found"),
    ("a claim without a volume", r"persistentvolumeclaim .* not found|unbound immediate|it is Pending"),
    ("no node that fits", r"Unschedulable"),
    ("a pod that is gated", r"SchedulingGated"),
    ("a container that ends again and again", r"CrashLoopBackOff|exit code|RestartAllContainers"),
    ("an object that its controller removes", r"it is gone"),
    ("work without an end", r"what still moves"),
)


class _TooSlow(BaseException):
    """The patience with one input is over."""


@attrs.frozen
class Run:
    """What came of one folder: the outcome, the seconds that it took, what was said of why, and its kind."""

    name: str
    outcome: str
    seconds: float
    reason: str = ""
    kind: str = ""


def folders(root: Path) -> Iterator[Path]:
    """Give the folders that hold files and are in no other such folder, in the order of their names."""
    for path in sorted(root.iterdir()):
        if path.is_dir():
            if any(below.is_file() for below in path.iterdir()):
                yield path
            else:
                yield from folders(path)


def ran(path: Path, name: str, options: tuple[str, ...], patience: int) -> Run:
    """Run one folder."""
    out, err, began = io.StringIO(), io.StringIO(), time.perf_counter()
    signal.alarm(patience)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(["run", str(path), "-R", "-q", *options])
        outcome = "ended"
    except SystemExit as ended:
        outcome = _OUTCOMES.get(int(ended.code or 0), f"exit {ended.code}")
    except _TooSlow:
        outcome = "too slow"
    except Exception:  # noqa: BLE001 -- one input that goes wrong is one line
        outcome = "crashed"
        err.write(traceback.format_exc())
    finally:
        signal.alarm(0)
    seconds = time.perf_counter() - began
    if outcome == "converged":
        return Run(name, outcome, seconds)
    said = out.getvalue().partition("not converged")[2] + err.getvalue()
    kind = next((kind for kind, pattern in _KINDS if re.search(pattern, said)), "another")
    return Run(name, outcome, seconds, _first(said, kind), kind)


def _first(said: str, kind: str) -> str:
    lines = [line.strip() for line in said.splitlines()]
    pattern = dict(_KINDS).get(kind, "")
    return next((line for line in lines if re.search(pattern, line)), lines[-1] if lines else "")


@click.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--nodes", default=3, show_default=True)
@click.option("--limit", default="30m", show_default=True, help="Virtual time for each.")
@click.option("--patience", default=60, show_default=True, help="Seconds for each.")
@click.option("--only", default="", help="Those with this in their name.")
def table(directory: Path, nodes: int, limit: str, patience: int, only: str) -> None:
    """Run each folder below DIRECTORY, and print what came of it."""

    def late(*_: object) -> None:
        raise _TooSlow

    signal.signal(signal.SIGALRM, late)
    options, runs = ("--nodes", str(nodes), "--limit", limit), []
    for path in folders(directory):
        name = str(path.relative_to(directory))
        if only not in name:
            continue
        run = ran(path, name, options, patience)
        runs.append(run)
        click.echo(f"{run.outcome:14}{run.seconds:5.1f}s  {run.name}" + (f": {run.reason[:200]}" if run.reason else ""))
    click.echo()
    for outcome, count in Counter(run.outcome for run in runs).most_common():
        click.echo(f"{count:5}  {outcome}")
        for kind, those in Counter(run.kind for run in runs if run.outcome == outcome and run.kind).most_common():
            click.echo(f"{those:10}  {kind}")
    click.echo(f"{len(runs):5}  in all")


if __name__ == "__main__":
    table()
