"""Options: what a program was told by its flags, and how it ends if it was told what it does not understand."""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.lib.instant import Duration, parse_duration
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick

TRUE: Final = ("1", "t", "T", "TRUE", "true", "True")
FALSE: Final = ("0", "f", "F", "FALSE", "false", "False")
"""What Go's strconv.ParseBool reads."""


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Options:
    """
    What a program was told.

    Args:
        given: flag -> its text; of a flag that may come several times all its texts, comma-separated.
        gates: the feature gates that are set, or are otherwise in the program's version than in this one by default.
        version: the program's, as its image's tag says it: `v1.36.0`; empty where it does not say.
    """

    given: Map[str] = Map()
    gates: Map[bool] = Map()
    version: str = ""

    def text(self, flag: str, default: str) -> str:
        """Give a flag's text."""
        return self.given.get(flag, default)

    def words(self, flag: str) -> tuple[str, ...]:
        """Give the words of a list; none if it is not given."""
        text = self.given.get(flag, "")
        return tuple([word.strip() for word in text.split(",")]) if text else ()

    def truth(self, flag: str, *, default: bool) -> bool:
        """Give whether a flag is set."""
        text = self.given.get(flag)
        return default if text is None else text in TRUE

    def number(self, flag: str, default: int) -> int:
        """Give a flag's whole number."""
        text = self.given.get(flag)
        return default if text is None else int(text, 0)

    def fraction(self, flag: str, default: float) -> float:
        """Give a flag's number."""
        text = self.given.get(flag)
        return default if text is None else float(text)

    def duration(self, flag: str, default: Duration) -> Duration:
        """Give how long a flag says."""
        text = self.given.get(flag)
        return default if text is None else parse_duration(text)


NONE: Final = Options()
"""What a program was told that was told nothing."""


@quick
@attrs.frozen(weakref_slot=False)
class Refusal:
    """
    How a program ends that does not understand its flags.

    Args:
        code: its exit code.
        lines: what it writes, the last lines of it.
    """

    code: int
    lines: tuple[str, ...]
