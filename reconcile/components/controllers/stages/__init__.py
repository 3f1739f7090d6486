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
from reconcile.components.controllers.runtime import Controller, Key, Source, Views, service_account
from reconcile.components.controllers.stages import leasing, playing
from reconcile.components.controllers.stages.memory import Memory
from reconcile.model.stages import Stage, stages_of
from reconcile.store import Change

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
        known = resource(key)
        found.append(
            Controller(
                name=f"kwok-{key}",
                sources=(Source(key, play.keys), *_beside(key, own)),
                reconcile=partial(playing.reconcile, play),
                memory=Memory,
                observe=partial(playing.observe, play),
                component=COMPONENT,
                user=service_account(ACCOUNT),
                rules=_rules(known.group, known.plural, own),
            )
        )
    if stages.custom:
        found.append(_custom(playing.CustomPlay(stages.custom, settings, seed)))
    if settings.lease_seconds:
        found.append(leasing.controller_of(settings, seed, heartbeats=heartbeats, user=service_account(ACCOUNT)))
    return tuple(found)


def _custom(play: playing.CustomPlay) -> Controller:
    """Give the one controller of all custom resources: which they are is known once they are defined."""
    rules: list[PolicyRule] = []
    for name, own in play.stages.items():
        rules += _rules(name.partition(".")[2], "*", own)
    return Controller(
        name="kwok-custom",
        sources=(Source(playing.DEFINITIONS, _none),),
        reconcile=partial(playing.reconcile_custom, play),
        memory=Memory,
        observe=partial(playing.observe, playing.Play("", (), play.settings, play.seed)),
        component=COMPONENT,
        user=service_account(ACCOUNT),
        rules=tuple(dict.fromkeys(rules)),
        customs=play.keys,
    )


def _none(_: Change, _views: Views) -> tuple[Key, ...]:
    return ()


def _beside(key: str, stages: tuple[Stage, ...]) -> tuple[Source, ...]:
    """Give what is watched beside a resource itself: the nodes of pods, and what defines what is brought about."""
    nodes = (Source("nodes", playing.keys_of_node),) if key == "pods" else ()
    applies = any(step.application is not None for stage in stages for step in stage.steps)
    return (*nodes, Source(playing.DEFINITIONS, _none)) if applies and key != playing.DEFINITIONS else nodes


def _rules(group: str, plural: str, stages: tuple[Stage, ...]) -> tuple[PolicyRule, ...]:
    """Give what playing the stages of a resource takes; what a template brings about may be anything."""
    steps = [step for stage in stages for step in stage.steps]
    parts = {step.patch.subresource for step in steps if step.patch is not None} - {""}
    names = (plural, *[f"{plural}/{part}" for part in sorted(parts)])
    events = PolicyRule(verbs=("create", "patch", "update"), api_groups=("",), resources=("events",))
    rules = [PolicyRule(verbs=_WRITES, api_groups=(group,), resources=names), events]
    if any(step.application is not None for step in steps):
        rules.append(PolicyRule(verbs=("create", "patch"), api_groups=("*",), resources=("*",)))
    made = [each.username for step in steps for each in (step.patch, step.application) if each is not None]
    users = tuple(dict.fromkeys([name for name in made if name]))
    if users:
        rules.append(PolicyRule(verbs=("impersonate",), api_groups=("",), resources=("users",), resource_names=users))
    return tuple(rules)


__all__ = ["controllers_of"]
