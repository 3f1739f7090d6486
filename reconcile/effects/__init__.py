"""
Effects: what a component orders, as plain frozen values.

An effect leaves a component's `step` and is carried out later, by the engine or by an adapter; until then it can be
late, lost or repeated like anything else that is on its way.

Inside: `ordinary` is what every component may order; `hosts` what happens on one; `outside` what leaves the cluster,
and all that there is.
"""

from reconcile.effects.hosts import (
    DiscardVolumes,
    EndProcess,
    Install,
    LaunchApplication,
    LaunchProcess,
    LookAround,
    ProbeContainer,
    PullImage,
    RemoveImage,
    Report,
    ResizeContainer,
    RunHook,
    RunPodSandbox,
    RuntimeOrder,
    SignalProcess,
    StartContainer,
    StopContainer,
    StopPodSandbox,
    WriteVolume,
)
from reconcile.effects.ordinary import Call, CancelTimer, CloseWatch, Exit, OpenWatch, Record, SetTimer, Wake
from reconcile.effects.outside import Answer, Audit, CallWebhook, Effect, Explain, Notice, Order, OutsideEffect

__all__ = [
    "Answer",
    "Audit",
    "Call",
    "CallWebhook",
    "CancelTimer",
    "CloseWatch",
    "DiscardVolumes",
    "Effect",
    "EndProcess",
    "Exit",
    "Explain",
    "Install",
    "LaunchApplication",
    "LaunchProcess",
    "LookAround",
    "Notice",
    "OpenWatch",
    "Order",
    "OutsideEffect",
    "ProbeContainer",
    "PullImage",
    "Record",
    "RemoveImage",
    "Report",
    "ResizeContainer",
    "RunHook",
    "RunPodSandbox",
    "RuntimeOrder",
    "SetTimer",
    "SignalProcess",
    "StartContainer",
    "StopContainer",
    "StopPodSandbox",
    "Wake",
    "WriteVolume",
]
