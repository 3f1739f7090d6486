"""Refusing: how a patch says that it cannot be made."""

from __future__ import annotations

from typing import Literal

from reconcile.lib.errors import ReconcileError

Sort = Literal["malformed", "inapplicable", "unexpected", "too large"]


class Unpatchable(ReconcileError):  # noqa: N818 -- it reads as what the patch is
    """
    A patch that cannot be made; *sort* says why: it is none, it does not fit the object, or something else.

    The sorts are what the API server answers with: 400, 422, 500 and 413.
    """

    def __init__(self, reason: str, sort: Sort) -> None:
        super().__init__(reason)
        self.sort = sort
