"""
Dice: a counter-based generator whose streams have names.

A draw is a hash of (seed, stream, count): no state but a counter, the same on every machine and every Python, and one
stream's draws never shift another's. After Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011), with
BLAKE2b for the bijection, because the standard library has it.
"""

from __future__ import annotations

from collections.abc import Sequence as Ordered
from hashlib import blake2b
from operator import itemgetter
from typing import Annotated, Final, TypeAlias, TypeVar

import attrs

from reconcile.lib.instant import WIDE
from reconcile.lib.quick import quick

T = TypeVar("T")

Seed: TypeAlias = Annotated[int, WIDE]

# Kubernetes' alphabet for generated names: no vowels, and none of 0, 1 and 3.
_NAME_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"

# Of a version 4 UUID the bits that are drawn, and its version and variant.
_UUID_DRAWN: Final = 0xFFFFFFFF_FFFF_0FFF_3FFF_FFFFFFFFFFFF
_UUID_FIXED: Final = 0x00000000_0000_4000_8000_000000000000
_UUID_GROUPS: Final = itemgetter(slice(0, 8), slice(8, 12), slice(12, 16), slice(16, 20), slice(20, 32))


@quick
@attrs.frozen(weakref_slot=False)
class Dice:
    """One stream of draws: the next one is a function of these three fields and nothing else."""

    seed: int
    stream: str
    count: int = 0

    def named(self, name: str) -> Dice:
        """Give the stream *name* beneath this one, at its start."""
        return Dice(self.seed, f"{self.stream}/{name}" if self.stream else name)

    def bits(self) -> tuple[int, Dice]:
        """Draw 64 bits."""
        return int.from_bytes(self._drawn()[:8], "big"), Dice(self.seed, self.stream, self.count + 1)

    def below(self, bound: int) -> tuple[int, Dice]:
        """Draw an integer from 0 to *bound* - 1; the bias is below bound / 2**64."""
        drawn, rest = self.bits()
        return (drawn * bound) >> 64, rest

    def pick(self, options: Ordered[T]) -> tuple[T, Dice]:
        """Draw one of *options*."""
        place, rest = self.below(len(options))
        return options[place], rest

    def chance(self, parts: int, of: int) -> tuple[bool, Dice]:
        """Draw true with probability *parts* / *of*."""
        drawn, rest = self.below(of)
        return drawn < parts, rest

    def uuid(self) -> tuple[str, Dice]:
        """Draw a version 4 UUID (RFC 9562)."""
        return self.next_uuid(), Dice(self.seed, self.stream, self.count + 1)

    def next_uuid(self) -> str:
        """Tell which UUID `uuid` draws: for who draws no more."""
        drawn = blake2b(f"{self.seed}/{self.stream}/{self.count}".encode(), digest_size=16).digest()
        text = f"{int.from_bytes(drawn, 'big') & _UUID_DRAWN | _UUID_FIXED:032x}"
        return "-".join(_UUID_GROUPS(text))

    def suffix(self, length: int = 5) -> tuple[str, Dice]:
        """Draw the random end of a generated name, in Kubernetes' alphabet; *length* is at most 16."""
        letters = len(_NAME_LETTERS)
        drawn = int.from_bytes(self._drawn(), "big")
        text = ""
        for _ in range(length):
            drawn, place = divmod(drawn, letters)
            text += _NAME_LETTERS[place]
        return text, Dice(self.seed, self.stream, self.count + 1)

    def _drawn(self) -> bytes:
        return blake2b(f"{self.seed}/{self.stream}/{self.count}".encode(), digest_size=16).digest()
