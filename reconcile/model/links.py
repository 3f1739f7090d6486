"""
Links: how the network between two hosts is from the beginning, where it is not as good as any.

Source:   tc-netem(8), whose words delay, jitter and loss are.
"""

from __future__ import annotations

import attrs

from reconcile.lib.instant import Duration


@attrs.frozen(kw_only=True)
class Link:
    """
    The link of two hosts.

    Args:
        one: a host's name.
        other: another's.
        cut: whether nothing goes over it.
        delay: how long what goes over it takes.
        jitter: by how much more at most, drawn for each packet.
        loss: how many packets of a million are lost, and sent again by TCP.
        one_way: whether it is so only from the one to the other.
    """

    one: str
    other: str
    cut: bool = False
    delay: Duration = 0
    jitter: Duration = 0
    loss: int = 0
    one_way: bool = False

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        """From which host to which it is so."""
        there = (self.one, self.other)
        return (there,) if self.one_way else (there, there[::-1])
