"""`reconcile diff`: where two recorded runs part, and how their ends differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from reconcile.adapters.cli.files import BadFiles
from reconcile.adapters.cli.logs import STANDARD_INPUT, opened_log
from reconcile.adapters.own import load_controllers
from reconcile.driver.log.comparing import IGNORED, Comparison, compare_recordings, recording_of
from reconcile.driver.run import collector_paused
from reconcile.driver.telling.convergence import named
from reconcile.lib.digest import canonical
from reconcile.lib.instant import rfc3339_micro

_SAME: Final = 0
_DIFFERENT: Final = 2
_MOST: Final = 20
_LONGEST: Final = 100


def diff_logs(one: Path, other: Path, ignore: tuple[str, ...], own: tuple[str, ...] = ()) -> int:
    """Compare, and give the exit status."""
    if STANDARD_INPUT == one == other:
        raise BadFiles(["-: standard input can be one of the two logs only"])
    controllers = load_controllers(own)
    with collector_paused():
        # Each is read under its own name, so that it is told which of the two is damaged.
        recordings = []
        for path in (one, other):
            with opened_log(path) as lines:
                recordings.append(recording_of(lines, controllers))
        found = compare_recordings(recordings[0], recordings[1], ignore=ignore or IGNORED)
    if found.same:
        click.echo("the runs are the same")
        return _SAME
    _print(found, one, other)
    return _DIFFERENT


def _print(found: Comparison, one: Path, other: Path) -> None:
    click.echo(f"- {one}\n+ {other}")
    _section("headers", [_row(*row) for row in found.header])
    if found.parting is None:
        click.echo("every step is the same")
    else:
        parting = found.parting
        times = [f", by {rfc3339_micro(now)}" if now is not None else "" for now in parting.now]
        lines = [f"line {line}{when}" for line, when in zip(parting.lines, times, strict=True)]
        click.echo(f"they part at step {parting.step} (- {lines[0]}; + {lines[1]}):")
        _rows([_row(*row) for row in parting.rows])
    _section("the same by owner, though the names differ", [f"  {key}: {a} = {b}" for key, a, b in found.paired])
    _section("only in the first", [f"- {named(*place)}" for place in found.only_one])
    _section("only in the second", [f"+ {named(*place)}" for place in found.only_other])
    for key, own, rows in found.fields[:_MOST]:
        click.echo(f"{named(key, own)}:")
        _rows([_row(*row) for row in rows])
    if len(found.fields) > _MOST:
        click.echo(f"... and {len(found.fields) - _MOST} more objects that differ")
    _section("events", [_row(*row) for row in found.events])


def _section(title: str, rows: list[str]) -> None:
    if rows:
        click.echo(f"{title}:")
        _rows(rows)


def _rows(rows: list[str]) -> None:
    for row in rows[:_MOST]:
        click.echo(row if row[0] in "-+ " else f"  {row}")
    if len(rows) > _MOST:
        click.echo(f"  ... and {len(rows) - _MOST} more")


def _row(what: str, one: Any, other: Any) -> str:
    return f"  {what}: {_value(one)} -> {_value(other)}"


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else canonical(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
