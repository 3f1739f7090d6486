"""
The controller of HorizontalPodAutoscalers: as many replicas of a workload as its load asks for.

Source:   pkg/controller/podautoscaler.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from functools import partial
from typing import Final

from reconcile.components.controllers.autoscaling.memory import AUTOSCALERS, Memory
from reconcile.components.controllers.autoscaling.sync import reconcile
from reconcile.components.controllers.autoscaling.tuning import USUAL, Tuning, tuned
from reconcile.components.controllers.runtime import Controller, Key, Source, Views, keys_of_itself, service_account
from reconcile.lib.mapping import Map
from reconcile.model import gates
from reconcile.model.definitions import DEFINITIONS
from reconcile.model.programs import NONE, Options
from reconcile.store import Change

# kube-controller-manager --concurrent-horizontal-pod-autoscaler-syncs
WORKERS: Final = 5


def _no_keys(_: Change, __: Views) -> tuple[Key, ...]:
    """Give nothing: pods and definitions are looked up when an autoscaler's time has come, and wake none."""
    return ()


def controller(*, to_zero: bool = False, tolerances: bool = True, tuning: Tuning = USUAL) -> Controller:
    """
    Give the controller.

    Args:
        to_zero: HPAScaleToZero is on.
        tolerances: HPAConfigurableTolerance is on.
        tuning: what flags say.
    """
    return Controller(
        name="horizontalpodautoscaler",
        sources=(Source(AUTOSCALERS, keys_of_itself), Source("pods", _no_keys), Source(DEFINITIONS, _no_keys)),
        reconcile=partial(reconcile, to_zero=to_zero, tolerances=tolerances, tuning=tuning),
        memory=Memory,
        workers=WORKERS,
        component="horizontal-pod-autoscaler",
        user=service_account("horizontal-pod-autoscaler"),
        awaits=(AUTOSCALERS,),
    )


CONTROLLER: Final = controller()

CONTROLLERS: Final[tuple[Controller, ...]] = (CONTROLLER,)


def switched(given: Map[bool], options: Options = NONE) -> dict[str, Controller]:
    """Give, by name, the controller if feature gates or the controller-manager's flags make it another."""
    tuning = tuned(options)
    to_zero, tolerances = gates.is_on(given, gates.HPA_SCALE_TO_ZERO), gates.is_on(given, gates.HPA_TOLERANCE)
    if tolerances and not to_zero and tuning == USUAL:
        return {}
    return {CONTROLLER.name: controller(to_zero=to_zero, tolerances=tolerances, tuning=tuning)}
