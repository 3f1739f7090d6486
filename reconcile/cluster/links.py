"""
Links: what is wrong with the network between two hosts, as a value of the cluster.

What goes both ways is cut in `Cluster.cuts`; what is kept here is of those clusters in which one way is other than the
way back.
"""

from __future__ import annotations

from typing import Final

import attrs


@attrs.frozen
class Links:
    """
    What is wrong with links, each from one host to another.

    Args:
        ways: from which host to which nothing arrives, though it does the other way, sorted.
    """

    ways: tuple[tuple[str, str], ...] = ()


NO_LINKS: Final = Links()
"""Nothing is wrong."""
