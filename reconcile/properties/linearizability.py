"""
Linearizability: whether what clients saw could have happened one thing after the other.

A history is what clients asked of one object and were answered, each with the instant of the question and of the
answer. It is linearizable if the operations can be put in an order in which each is between its question and its
answer, and which the object, asked in that order, would have answered so. An operation without an answer may have
happened at any time after its question, or not at all.

Takes:    operations, and what the object does, as a pure function.
Gives:    an order that explains the history, or None.
Source:   J. Wing, C. Gong: Testing and Verifying Concurrent Objects, 1993; what was tried is remembered as by G. Lowe:
          Testing for Linearizability, 2017.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeAlias

import attrs

from reconcile.lib.instant import Instant

Model: TypeAlias = Callable[[Any, Any], tuple[Any, Any]]
"""From a state and a question to the next state and the answer."""


@attrs.frozen
class Operation:
    """
    What a client asked, and was answered.

    Args:
        asked: when.
        question: what.
        answered: when; None if it was not.
        answer: what, if it was.
        client: who, for the reader.
    """

    asked: Instant
    question: Any
    answered: Instant | None = None
    answer: Any = None
    client: str = ""


def linearized(history: Iterable[Operation], model: Model, state: Hashable) -> tuple[Operation, ...] | None:
    """
    Give an order of *history* that explains it; None if there is none.

    Args:
        history: of one object; those of different objects are looked at one by one.
        model: what the object does; its states are hashable.
        state: with which it begins.
    """
    operations = tuple(sorted(history, key=lambda each: each.asked))
    everyone = (1 << len(operations)) - 1
    must = sum(1 << place for place, each in enumerate(operations) if each.answered is not None)
    tried: set[tuple[int, Any]] = set()
    # What is put in order so far (as bits, and as an order), and the state that this leads to.
    stack: list[tuple[int, Any, tuple[int, ...]]] = [(0, state, ())]
    while stack:
        done, now, order = stack.pop()
        if done & must == must:
            return tuple([operations[place] for place in order])
        for place in reversed(_next(operations, everyone & ~done)):
            after, answer = model(now, operations[place].question)
            if operations[place].answered is not None and answer != operations[place].answer:
                continue
            known = (done | 1 << place, after)
            if known not in tried:
                tried.add(known)
                stack.append((*known, (*order, place)))
    return None


def _next(operations: tuple[Operation, ...], left: int) -> list[int]:
    """Give those of what is *left* that may come first: asked before any of the others was answered."""
    places = [place for place in range(left.bit_length()) if left >> place & 1]
    answers = [found for place in places if (found := operations[place].answered) is not None]
    first = min(answers, default=None)
    return [place for place in places if first is None or operations[place].asked <= first]
