"""
Forking: go on from some point of a recorded run, in a recording of its own.

A log begins with a boot, so the fork's log begins with what the old one says up to there; the fork is then free to go
another way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from reconcile.driver.log.chain import LogError, read_lines
from reconcile.driver.log.recording import Recorder
from reconcile.driver.log.replay import boot_from, event_of
from reconcile.driver.telling.circles import NEVER
from reconcile.lib.errors import ReconcileError


def continued(
    lines: Iterable[bytes],
    write: Callable[[str], object],
    *,
    until: int | None = None,
    controllers: tuple[Any, ...] = (),
    open_end: bool = False,
) -> Recorder:
    """
    Play a log into a new recording and give the recorder, at the point where it stops.

    Args:
        lines: the old log's lines; all are read, so that damage anywhere is refused.
        write: takes the new log's lines.
        until: stop after this many steps; None: at the log's end.
        controllers: the user's own controllers that the run had.
        open_end: take a log that is still written, which has no end line.

    Raises:
        LogError: the old log is damaged, cut, misordered, of another version, or has an event that cannot happen here;
            whether it replays identically is not looked at, `replay` does that.
    """
    checked = read_lines(lines, open_end=open_end)
    header = next(checked)
    detail, modules = header.content.get("detail", "steps"), tuple(header.content.get("modules", ()))
    recorder = Recorder(boot_from(header, controllers), write, detail=detail, modules=modules)
    taken, done = 0, False
    for line in checked:
        if done:
            continue
        content = line.content
        if "event" in content:
            done = until is not None and taken >= until
            if not done:
                event = event_of(line)
                try:
                    recorder.step(event)
                except ReconcileError as error:
                    raise LogError(line.number, f"this event cannot happen here: {error}") from None
                taken += 1
        elif "run" in content:
            steps = content["run"]["steps"]
            if until is not None and taken + steps > until:
                steps, done = until - taken, True
            taken += recorder.run(steps=steps, until=line.now, hurry=NEVER).steps
    return recorder
