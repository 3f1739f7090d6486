"""Tuning: how the controller of autoscalers is set by the controller-manager's flags."""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.components.controllers.autoscaling.limits import STABILIZATION
from reconcile.components.controllers.autoscaling.replicas import CPU_INITIALIZATION, READINESS_DELAY, TOLERANCE
from reconcile.lib.instant import SECOND, Duration
from reconcile.lib.quick import quick
from reconcile.model.programs import Options


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Tuning:
    """
    The controller-manager's flags --horizontal-pod-autoscaler-*, and their defaults.

    Args:
        period: between two looks at one autoscaler (-sync-period).
        stabilization: for how long the highest recommendation counts (-downscale-stabilization).
        tolerance: how far a metric may be from its target, as a share of it (-tolerance).
        initialization: see `Tolerances` (-cpu-initialization-period).
        delay: see `Tolerances` (-initial-readiness-delay).
    """

    period: Duration = 15 * SECOND
    stabilization: Duration = STABILIZATION
    tolerance: float = TOLERANCE
    initialization: Duration = CPU_INITIALIZATION
    delay: Duration = READINESS_DELAY


USUAL: Final = Tuning()


def tuned(options: Options) -> Tuning:
    """Give how flags set it."""
    flag = "horizontal-pod-autoscaler-"
    return Tuning(
        period=options.duration(f"{flag}sync-period", USUAL.period),
        stabilization=options.duration(f"{flag}downscale-stabilization", USUAL.stabilization),
        tolerance=options.fraction(f"{flag}tolerance", USUAL.tolerance),
        initialization=options.duration(f"{flag}cpu-initialization-period", USUAL.initialization),
        delay=options.duration(f"{flag}initial-readiness-delay", USUAL.delay),
    )
