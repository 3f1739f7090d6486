"""Rounding: amounts of resources are kept in thousandths, and what is finer counts as one more of them."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api.scalars import Quantity
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace

_THOUSANDTH: Final = 10**6


def rounded(amounts: Map[Quantity] | None) -> Map[Quantity] | None:
    """Give amounts in whole thousandths: themselves if they are."""
    if not amounts or not any(amount.nanos % _THOUSANDTH for amount in amounts.values()):
        return amounts
    return Map({name: _up(amount) for name, amount in amounts.items()})


def _up(amount: Quantity) -> Quantity:
    if not amount.nanos % _THOUSANDTH:
        return amount
    return Quantity.of(nanos=amount.milli * _THOUSANDTH, form=amount.form)


def resources_rounded(resources: Any) -> Any:
    """Give what is asked for with its amounts rounded: itself if they are."""
    if resources is None:
        return None
    return replace(resources, limits=rounded(resources.limits), requests=rounded(resources.requests))
