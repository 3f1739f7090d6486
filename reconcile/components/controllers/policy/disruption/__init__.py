"""Budgets of disruptions: how many of the pods that one covers may be evicted."""

from __future__ import annotations

from reconcile.components.controllers.policy.disruption._controller import BUDGETS, CONTROLLER
from reconcile.components.controllers.policy.disruption._stale import CONTROLLER as STALE_CONDITIONS

__all__ = ["BUDGETS", "CONTROLLER", "STALE_CONDITIONS"]
