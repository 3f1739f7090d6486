"""
Progress: what changes while a cluster converges; a live table on a terminal, else a line for each change.

Both show the same, and only what is asked for: nodes, workloads, and the pods of other namespaces than Kubernetes' own;
of several masters also who leads.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

import click

from reconcile.adapters.cli.masters import Masters
from reconcile.cluster import Cluster
from reconcile.driver.telling.convergence import Replicas, named, replicas
from reconcile.lib.instant import SECOND, Duration
from reconcile.lib.table import Table
from reconcile.model.printing import node_status, standing

_WORKLOADS: Final = (
    *("deployments.apps", "replicationcontrollers", "statefulsets.apps", "daemonsets.apps", "jobs.batch"),
)
_OWN: Final = "kube-"
_MOST_ROWS: Final = 20

_EMPTY: Final[Table[str, Any]] = Table()


class Progress(Protocol):
    """Shows how a run goes."""

    def look(self, cluster: Cluster) -> None:
        """Show what has changed."""

    def say(self, cluster: Cluster, text: str) -> None:
        """Show something that was done."""

    def tell(self, text: str) -> None:
        """Print on standard error."""

    def close(self) -> None:
        """Stop showing."""


class Silent:
    """Shows nothing."""

    def look(self, cluster: Cluster) -> None:
        """Show nothing."""

    def say(self, cluster: Cluster, text: str) -> None:
        """Show nothing."""

    def tell(self, text: str) -> None:
        """Print on standard error."""
        click.echo(text, err=True)

    def close(self) -> None:
        """Do nothing."""


class Tally:
    """Counts nodes, workloads and pods; a look at a cluster costs what has changed since the last one."""

    def __init__(self) -> None:
        self.nodes: dict[str, int] = {}
        self.pods: dict[str, int] = {}
        self.workloads: dict[str, Replicas] = {}
        self._words: dict[tuple[str, str], str] = {}
        self._seen: dict[str, Table[str, Any]] = {}

    def look(self, cluster: Cluster) -> Iterator[str]:
        """Give a sentence for each thing that has changed."""
        if self._count(cluster, "nodes", self.nodes, node_status):
            yield f"nodes: {counts(self.nodes)}"
        for key in _WORKLOADS:
            for own, _, obj in self._changed(cluster, key):
                name = named(key, own)
                now = None if obj is None else replicas(key, obj)
                if now != self.workloads.get(name):
                    if now is None:
                        del self.workloads[name]
                        yield f"{name}: gone"
                    else:
                        self.workloads[name] = now
                        yield f"{name}: {now.ready} of {now.wanted} ready{_outdated(now)}"
        if self._count(cluster, "pods", self.pods, lambda pod: standing(pod).status):
            yield f"pods: {counts(self.pods) or 'none'}"

    def _count(self, cluster: Cluster, key: str, by_word: dict[str, int], word_of: Callable[[Any], str]) -> bool:
        before = dict(by_word)
        for own, _, obj in self._changed(cluster, key):
            if own.startswith(_OWN):
                continue
            word = None if obj is None else word_of(obj)
            was = self._words.pop((key, own), None)
            if word is not None:
                self._words[key, own] = word
            if was is not None:
                by_word[was] -= 1
                if not by_word[was]:
                    del by_word[was]
            if word is not None:
                by_word[word] = by_word.get(word, 0) + 1
        return by_word != before

    def _changed(self, cluster: Cluster, key: str) -> list[tuple[str, Any, Any]]:
        table, seen = cluster.store.table(key), self._seen.get(key, _EMPTY)
        if table is seen:
            return []
        self._seen[key] = table
        return table.differences(seen)


class Lines:
    """A line for each change, after the virtual time since power-on."""

    def __init__(self) -> None:
        self._tally, self._masters = Tally(), Masters()

    def look(self, cluster: Cluster) -> None:
        """Print what has changed."""
        for text in (*self._masters.look(cluster), *self._tally.look(cluster)):
            self.say(cluster, text)

    def say(self, cluster: Cluster, text: str) -> None:
        """Print something that was done."""
        click.echo(f"{elapsed(cluster):>9}  {text}")

    def tell(self, text: str) -> None:
        """Print on standard error."""
        click.echo(text, err=True)

    def close(self) -> None:
        """Do nothing: what is printed stays."""


class LiveTable:
    """A table that changes in place, on a terminal; what is done scrolls by above it."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 -- only on a terminal
        from rich.live import Live  # noqa: PLC0415

        self._tally, self._masters = Tally(), Masters()
        self._live = Live(
            console=Console(), refresh_per_second=8, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._live.start()

    def look(self, cluster: Cluster) -> None:
        """Show the table as it is now."""
        for _ in self._tally.look(cluster):
            pass
        for text in self._masters.look(cluster):
            self.say(cluster, text)
        self._live.update(self._table(cluster))

    def say(self, cluster: Cluster, text: str) -> None:
        """Print something that was done, above the table."""
        self._live.console.print(f"{elapsed(cluster):>9}  {text}", highlight=False, markup=False)

    def tell(self, text: str) -> None:
        """Print on standard error, which may be the same terminal: then above the table."""
        if sys.stderr is not None and sys.stderr.isatty():
            self._live.console.print(text, highlight=False, markup=False, soft_wrap=True)
        else:
            click.echo(text, err=True)

    def close(self) -> None:
        """Take the table away."""
        self._live.stop()

    def _table(self, cluster: Cluster) -> Any:
        from rich.table import Table as Grid  # noqa: PLC0415

        tally = self._tally
        title = f"virtual time {elapsed(cluster)}, {cluster.steps:,} steps"
        grid = Grid(title=title, title_justify="left", min_width=len(title))
        grid.add_column("what")
        grid.add_column("ready", justify="right")
        grid.add_column("of", justify="right")
        ready = sum([count for word, count in tally.nodes.items() if word.startswith("Ready")])
        grid.add_row("nodes", str(ready), str(sum(tally.nodes.values())))
        # Those that are not there yet are what one waits for.
        rows = sorted(tally.workloads.items(), key=lambda row: (_done(row[1]), row[0]))
        for name, now in rows[:_MOST_ROWS]:
            style = "green" if _done(now) else "yellow"
            grid.add_row(name + _outdated(now), str(now.ready), str(now.wanted), style=style)
        if len(rows) > _MOST_ROWS:
            grid.add_row(f"and {len(rows) - _MOST_ROWS} more", "", "")
        for word, count in sorted(tally.pods.items()):
            grid.add_row(f"pods {word}", str(count), "")
        return grid


def chosen(*, quiet: bool) -> Progress:
    """Give what suits standard output."""
    if quiet:
        return Silent()
    terminal = sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return LiveTable() if terminal else Lines()


def _outdated(now: Replicas) -> str:
    return f", {now.updated} up to date" if now.updated != now.wanted and now.ready else ""


def _done(now: Replicas) -> bool:
    return now.ready == now.wanted == now.updated


def counts(by_word: dict[str, int]) -> str:
    """Say how many there are of what: `2 Running, 1 Pending`."""
    return ", ".join([f"{count} {word}" for word, count in sorted(by_word.items())])


def elapsed(cluster: Cluster) -> str:
    """Give the virtual time since power-on, to a tenth of a second: `12.4s`, `2m5.3s`."""
    return short(cluster.now - cluster.topology.start)


def short(length: Duration) -> str:
    """Give a duration to a tenth of a second, rounded down."""
    minutes, rest = divmod(length, 60 * SECOND)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest // SECOND}.{rest % SECOND * 10 // SECOND}s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds
