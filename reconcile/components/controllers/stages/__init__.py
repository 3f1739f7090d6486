"""
Stages: KWOK's controllers, which a cluster with `Topology(stages=...)` runs: its nodes have no kubelet and no host.

A node is theirs by an annotation, `kwok.x-k8s.io/node: fake`; a pod by the node that it is on. Each goes through the
stages that the user's documents say, which patch it as a kubelet would; its Lease is kept by a controller of its own.

Source:   https://kwok.sigs.k8s.io/docs/
Left out: see docs/limits.md, "World".
"""

from __future__ import annotations

from functools import partial
from typing import Any

from reconcile.api.kinds import resource
from reconcile.api.rbac_v1 import PolicyRule
from reconcile.components.controllers.runtime import Controller, Source, service_account
from reconcile.components.controllers.stages import leasing, playing
from reconcile.components.controllers.stages.memory import Memory
from reconcile.model.stages import Stage, stages_of

COMPONENT = "kwok"
ACCOUNT = "kwok-controller"

_WRITES = ("get", "list", "watch", "patch", "update", "delete")


def controllers_of(documents: tuple[Any, ...], *, seed: int = 0, heartbeats: bool = True) -> tuple[Controller, ...]:
    """
    Give the controllers that play the stages of *documents*, one for each resource; none if there are no documents.

    Args:
        documents: as `stages_of` reads them.
        seed: the cluster's, where chance comes from.
        heartbeats: whether nodes say again and again that they live.
    """
    if not documents:
        return ()
    stages = stages_of(documents)
    settings = stages.settings
    found = []
    for key, own in stages.by_resource.items():
        play = playing.Play(key, own, settings, seed)
        found.append(
            Controller(
                name=f"kwok-{key}",
                sources=(Source(key, play.keys), *_beside(key)),
                reconcile=partial(playing.reconcile, play),
                memory=Memory,
                observe=partial(playing.observe, play),
                component=COMPONENT,
                user=service_account(ACCOUNT),
                rules=_rules(key, own),
            )
        )
    if settings.lease_seconds:
        found.append(leasing.controller_of(settings, seed, heartbeats=heartbeats, user=service_account(ACCOUNT)))
    return tuple(found)


def _beside(key: str) -> tuple[Source, ...]:
    return (Source("nodes", playing.keys_of_node),) if key == "pods" else ()


def _rules(key: str, stages: tuple[Stage, ...]) -> tuple[PolicyRule, ...]:
    """Give what playing the stages of a resource takes."""
    known = resource(key)
    parts = {step.patch.subresource for stage in stages for step in stage.steps if step.patch is not None} - {""}
    names = (known.plural, *[f"{known.plural}/{part}" for part in sorted(parts)])
    events = PolicyRule(verbs=("create", "patch", "update"), api_groups=("",), resources=("events",))
    return (PolicyRule(verbs=_WRITES, api_groups=(known.group,), resources=names), events)


__all__ = ["controllers_of"]
