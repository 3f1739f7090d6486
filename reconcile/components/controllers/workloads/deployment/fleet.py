"""
A fleet: the ReplicaSets of one Deployment, the one of its present template apart from all others.

Source:   pkg/controller/deployment/util.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.components.controllers.workloads.deployment import notes
from reconcile.components.controllers.workloads.deployment.bounds import desired
from reconcile.components.controllers.workloads.deployment.template import same_template
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace

_NEVER: Final = 0


@quick
@attrs.frozen(weakref_slot=False)
class Fleet:
    """
    The ReplicaSets of a Deployment, as they are or as they are to be.

    Args:
        new: of the present template; None if there is none yet.
        olds: all others, oldest first.
    """

    new: Any
    olds: tuple[Any, ...]

    @property
    def all(self) -> tuple[Any, ...]:
        """Every one of them."""
        return self.olds if self.new is None else (*self.olds, self.new)


def fleet_of(deployment: Any, owned: tuple[Any, ...]) -> Fleet:
    """Tell the new one from the old; of several of the same template the oldest is it."""
    in_order = tuple(sorted(owned, key=age_order)) if len(owned) > 1 else owned
    template = deployment.spec.template
    for place, one in enumerate(in_order):
        if same_template(one.spec.template, template):
            return Fleet(one, (*in_order[:place], *in_order[place + 1 :]))
    return Fleet(None, in_order)


def resized(deployment: Any, one: Any, size: int) -> Any:
    """Give a ReplicaSet of this size that knows what its Deployment declared then; itself if it is so already."""
    noted = notes.with_sizes(one.metadata.annotations, deployment)
    metadata = one.metadata if noted is one.metadata.annotations else replace(one.metadata, annotations=noted)
    return replace(one, metadata=metadata, spec=one.spec if desired(one) == size else replace(one.spec, replicas=size))


def scaled(deployment: Any, one: Any, size: int) -> Any:
    """Give a ReplicaSet of this size; itself if it has it, whatever it knows."""
    return one if desired(one) == size else resized(deployment, one, size)


def declared(sets: tuple[Any, ...]) -> int:
    """Sum what the ReplicaSets declare."""
    return sum([desired(one) for one in sets])


def standing(sets: tuple[Any, ...]) -> int:
    """Sum how many pods there are or will be: one that is to go is there until its ReplicaSet says that it is gone."""
    return sum([max(desired(one), one.status.replicas if one.status else 0) for one in sets])


def available(one: Any) -> int:
    """Give how many of a ReplicaSet's pods are available."""
    return (one.status.available_replicas or 0) if one.status else 0


def keeping(one: Any) -> int:
    """Give how many available pods a ReplicaSet will keep: it may not have told yet of those that it is to lose."""
    return min(desired(one), available(one))


def active(sets: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give the ReplicaSets that declare any pods."""
    return tuple([one for one in sets if desired(one) > 0])


def age_order(one: Any) -> tuple[int, str]:
    """Sort by this: oldest first."""
    created = one.metadata.creation_timestamp
    return (_NEVER if created is None else created.instant), one.metadata.name


def newest_first(sets: tuple[Any, ...]) -> list[Any]:
    """Sort by age, newest first."""
    return sorted(sets, key=age_order, reverse=True)
