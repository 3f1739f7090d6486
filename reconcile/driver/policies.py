"""
Policies: who decides what happens next.

A policy is a frozen value with `choose(cluster, offered) -> (choice, next policy)`. First-in first-out is not one of
them: it asks no question, so `run` plays it without listing choices.
"""

from __future__ import annotations

from typing import Final, Protocol, Self

import attrs

from reconcile.cluster.cluster import Cluster
from reconcile.events import Advance, Choice, Fire
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError


class Policy(Protocol):
    """Anything that picks one of the choices that a cluster offers, and says what decides the next one."""

    def choose(self, cluster: Cluster, offered: tuple[Choice, ...]) -> tuple[Choice, Self]:
        """Pick one of *offered*, which is never empty."""
        ...


@attrs.frozen
class Shuffled:
    """
    Pick by chance, the same for the same seed.

    Time moves on while other things are under way in one of `patience` draws only: else every timeout would come before
    every answer.
    """

    dice: Dice
    patience: int = 50

    @classmethod
    def of(cls, seed: int) -> Shuffled:
        """Make the policy of this seed."""
        return cls(Dice(seed, "policy"))

    def choose(self, cluster: Cluster, offered: tuple[Choice, ...]) -> tuple[Choice, Shuffled]:  # noqa: ARG002 -- the protocol's
        """Pick one of *offered*."""
        dice = self.dice
        now = [choice for choice in offered if not isinstance(choice, Advance)]
        if not now:
            return offered[0], self
        waits, dice = dice.chance(1, self.patience)
        if waits and len(now) < len(offered) and not any(isinstance(choice, Fire) for choice in now):
            return offered[-1], Shuffled(dice, self.patience)
        choice, dice = dice.pick(now)
        return choice, Shuffled(dice, self.patience)


@attrs.frozen
class Recorded:
    """Pick what a list says, one after the other; ReconcileError at the first that is not offered."""

    choices: tuple[Choice, ...]
    place: int = 0

    def choose(self, cluster: Cluster, offered: tuple[Choice, ...]) -> tuple[Choice, Recorded]:
        """Pick the next of the list."""
        if self.place >= len(self.choices):
            raise ReconcileError(f"the list of {len(self.choices)} choices is at its end; {len(offered)} are offered")
        choice = self.choices[self.place]
        if choice not in offered:
            raise ReconcileError(
                f"choice {self.place} of the list, {choice!r}, is not offered at step {cluster.steps}; {offered!r} are"
            )
        return choice, Recorded(self.choices, self.place + 1)


FIFO: Final = None
"""
First-in first-out: what was under way first happens first, whole batches are delivered, and time moves when nothing
else does.
"""
