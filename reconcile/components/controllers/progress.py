"""Progress: what something outside of the cluster, that takes its time and can fail, is at, and since when."""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.components.controllers.runtime import Outcome
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table

_FIRST_DELAY: Final = SECOND
_LAST_DELAY: Final = 300 * SECOND


@quick
@attrs.frozen(weakref_slot=False)
class Work:
    """One thing: when it is done, and how often it has failed."""

    due: Instant
    failures: int = 0


_NOTHING: Final[Table[tuple[str, ...], Work]] = Table()


@quick
@attrs.frozen(weakref_slot=False)
class Progress:
    """What is under way, by (what it is, the uid of the object that it is for)."""

    works: Table[tuple[str, ...], Work] = _NOTHING

    def waited(self, key: tuple[str, ...], takes: Duration, now: Instant) -> tuple[Progress, Duration]:
        """Begin something, or go on with it; give how long it still takes, 0 if it is done."""
        work = self.works.get(key)
        if work is None:
            return Progress(self.works.set(key, Work(now + takes))), takes
        return self, max(work.due - now, 0)

    def failed(
        self, key: tuple[str, ...], takes: Duration, now: Instant, least: Duration = 0
    ) -> tuple[Progress, Duration]:
        """Let it have failed; give when it is done if it is tried again after *least* or a while that doubles."""
        times = self.failures(key) + 1
        delay = max(min(_FIRST_DELAY << min(times - 1, 20), _LAST_DELAY), least)
        return Progress(self.works.set(key, Work(now + delay + takes, times))), delay + takes

    def failures(self, key: tuple[str, ...]) -> int:
        """Give how often it has failed."""
        work = self.works.get(key)
        return 0 if work is None else work.failures

    def done(self, key: tuple[str, ...]) -> Progress:
        """Forget it."""
        return Progress(self.works.remove(key)) if key in self.works else self


def with_memory(outcome: Outcome, progress: Progress) -> Outcome:
    """Give the outcome that leaves *progress* as what is remembered."""
    return replace(outcome, memory=progress)
