"""Links between hosts, as a script's commands cut and mend them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from reconcile.driver.fields import ScriptError, text_at
from reconcile.events import CutLink, MendLink


@attrs.frozen
class Link:
    """Cut the link of two hosts, or mend it: both ways, or what goes from one to the other only."""

    fault: CutLink | MendLink

    def __str__(self) -> str:
        does, fault = "cut" if isinstance(self.fault, CutLink) else "mend", self.fault
        return f"{does} link {fault.one} {fault.other}{' one way' * fault.one_way}"


def link_at(operation: str, row: Mapping[str, Any], where: tuple[str | int, ...]) -> Link:
    """
    Read the command *operation*, which names two hosts.

    Raises:
        ScriptError: it does not, or does not say whether it is one way.
    """
    hosts = text_at(row[operation], where).split()
    if len(hosts) != 2:  # noqa: PLR2004 -- a link has two ends
        raise ScriptError(where, f"{row[operation]!r} does not name two hosts, such as node-1 node-2")
    if not isinstance(row.get("one way", False), bool):
        raise ScriptError((*where[:-1], "one way"), f"must be true or false, not {row['one way']!r}")
    return Link((CutLink if operation == "cut link" else MendLink)(hosts[0], hosts[1], row.get("one way", False)))
