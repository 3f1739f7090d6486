"""
A token bucket as one number: the instant at which it is full again.

Who takes tokens that are not there yet waits for them, and so does everyone after him.

Source: golang.org/x/time/rate: Reserve, on which client-go's rate limiters stand.
"""

from __future__ import annotations

import attrs

from reconcile.lib.instant import Duration, Instant


@attrs.frozen
class Bucket:
    """
    Holds *burst* tokens, and gets one more after *every* so long until it is full.

    What is taken from it is an `Instant`, *full_at*: when it will be full again. 0 is a bucket that is full.
    """

    every: Duration
    burst: int

    def taken(self, full_at: Instant, now: Instant, tokens: int = 1) -> Instant:
        """Give when it is full again once *tokens* more are taken."""
        return max(full_at, now) + tokens * self.every

    def owed(self, full_at: Instant, now: Instant) -> Duration:
        """Give how long who took the last token has to wait for it: 0 if it was there."""
        return max(full_at - now - self.burst * self.every, 0)

    def missing(self, full_at: Instant, now: Instant) -> int:
        """Count the tokens that were taken and are not back."""
        return max(-((now - full_at) // self.every), 0)
