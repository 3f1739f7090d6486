"""
Verdicts: what a filter says of a node that will not do.

Source:   the scheduler framework's Status: its reasons and its code.
Left out: nothing known.
"""

from __future__ import annotations

import attrs

from reconcile.lib.quick import quick


@quick
@attrs.frozen(order=True, weakref_slot=False)
class Refusal:
    """
    Why a filter refused a node.

    Args:
        plugin: the filter.
        reasons: in its words.
        final: nothing that pods do, not even their preemption, would help (upstream: UnschedulableAndUnresolvable).
    """

    plugin: str
    reasons: tuple[str, ...]
    final: bool
