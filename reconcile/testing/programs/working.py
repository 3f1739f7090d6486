"""
Working: Jobs and CronJobs.

Takes:    nothing.
Gives:    `THEMES`.
"""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from reconcile.lib.instant import SECOND
from reconcile.testing.moves import Declare, Move, Wait
from reconcile.testing.programs.words import (
    DRAINS,
    SPACE,
    UNCORDONED,
    UNCORDONS,
    Theme,
    changed,
    gone,
    named,
    template,
)
from reconcile.testing.programs.world import LOOSE

# CronJobs and Jobs


@st.composite
def _scheduled(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    return SPACE, draw(_crons())


@st.composite
def _crons(draw: st.DrawFn) -> dict[str, Any]:
    pod = {"restartPolicy": "OnFailure", "containers": [{"name": "main", "image": draw(_TICKS)}]}
    spec = {
        "schedule": "* * * * *",
        "concurrencyPolicy": draw(st.sampled_from(("Forbid", "Replace", "Allow"))),
        "jobTemplate": {"spec": {"template": {"spec": pod}}},
        "successfulJobsHistoryLimit": draw(st.sampled_from((3, 1, 0))),
    }
    return named("CronJob", "clock", spec, version="batch/v1", space=LOOSE)


_TICKS: Final = st.sampled_from(("tick:1", "part:1"))


def _ticking(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    waits = st.sampled_from((45, 61, 130, 200)).map(lambda seconds: Wait(seconds * SECOND))
    cron = declared[1]
    return st.one_of(
        waits,
        waits,
        waits,
        st.booleans().map(lambda suspended: changed(cron, suspend=suspended)),
        st.just(gone(cron)),
        st.just(Declare(cron)),
    )


@st.composite
def _working(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    image, mode = draw(st.sampled_from(("part:1", "part:2"))), draw(st.sampled_from(("Indexed", "NonIndexed")))
    spec = {
        "completions": draw(st.sampled_from((6, 4, 10))),
        "parallelism": draw(st.sampled_from((2, 3))),
        "completionMode": mode,
        "backoffLimit": 100,
        "podReplacementPolicy": draw(st.sampled_from(("Failed", "TerminatingOrFailed"))),
        "template": template("work", image, restartPolicy="Never", terminationGracePeriodSeconds=5),
    }
    return SPACE, named("Job", "work", spec, version="batch/v1", space=LOOSE)


def _work(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    job = declared[1]
    return st.one_of(
        st.sampled_from((SECOND, 3 * SECOND, 8 * SECOND)).map(Wait),
        st.sampled_from(("", "foreground")).map(lambda cascade: gone(job, cascade)),
        st.just(Declare(job)),
        st.sampled_from((True, False)).map(lambda suspended: changed(job, suspend=suspended)),
        st.tuples(st.just(Declare(job)), st.just(Wait(3 * SECOND)), DRAINS, st.just(Wait(3 * SECOND))),
        st.tuples(DRAINS, st.just(Wait(2 * SECOND))),
        UNCORDONS,
    )


def _awakened(declared: tuple[dict[str, Any], ...]) -> tuple[Move, ...]:
    return (*UNCORDONED, changed(declared[1], suspend=False))


THEMES: Final[dict[str, Theme]] = {
    "cron": Theme(_scheduled(), _ticking, lambda declared: (gone(declared[1]),)),
    "jobs": Theme(_working(), _work, _awakened),
}
