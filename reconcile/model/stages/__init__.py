"""
Stages: what KWOK's users write, so that nodes and pods go through their lives without a kubelet.

    stages_of(documents)            the documents, read: Stage of kwok.x-k8s.io/v1alpha1, and KwokConfiguration
    chosen(stages, seen, dice)      the stage that an object goes into next
    delay_of(stage, seen, ...)      how long that takes
    steps_of(stage, seen, ...)      what is done then: patches, a delete, event records

Takes:    documents as plain JSON; API objects as plain JSON; an instant, dice, what is known around.
Gives:    Stages; what is to be done.
Source:   https://kwok.sigs.k8s.io/docs/user/stages-configuration/
Left out: see docs/limits.md, "World".
"""

from reconcile.model.stages.choosing import chosen, delay_of, matching
from reconcile.model.stages.playing import Around, Pool, steps_of
from reconcile.model.stages.reading import checked, stages_of
from reconcile.model.stages.values import Doing, Seen, Settings, Stage, Stages

__all__ = [
    "Around",
    "Doing",
    "Pool",
    "Seen",
    "Settings",
    "Stage",
    "Stages",
    "checked",
    "chosen",
    "delay_of",
    "matching",
    "stages_of",
    "steps_of",
]
