"""
Keeping: StatefulSets with claims of their own, and pods that want one claim.

Takes:    nothing.
Gives:    `THEMES`.
"""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from reconcile.lib.instant import SECOND
from reconcile.testing.moves import Declare, Move, Wait
from reconcile.testing.programs.words import (
    DRAINS,
    ESTABLISHED,
    SPACE,
    STEADY,
    UNCORDONED,
    UNCORDONS,
    Theme,
    changed,
    gone,
    named,
    owning,
    reimaged,
    template,
)
from reconcile.testing.programs.world import DRIVER, LOOSE

# StatefulSets with claims

_STORAGE: Final = named("StorageClass", "fast", version="storage.k8s.io/v1", provisioner=DRIVER)


@st.composite
def _kept(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    modes = [draw(st.sampled_from(("ReadWriteOnce", "ReadWriteOncePod")))]
    claim = {"accessModes": modes, "storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}
    retention = {word: draw(st.sampled_from(("Retain", "Delete"))) for word in ("whenScaled", "whenDeleted")}
    made = template("data", draw(STEADY), terminationGracePeriodSeconds=5)
    made["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    spec = owning(
        made,
        replicas=draw(st.sampled_from((3, 2, 4))),
        serviceName="data",
        podManagementPolicy=draw(st.sampled_from(("OrderedReady", "Parallel"))),
        volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": claim}],
        persistentVolumeClaimRetentionPolicy=retention,
    )
    return _STORAGE, SPACE, named("StatefulSet", "data", spec, version="apps/v1", space=LOOSE)


def _keeping(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    owner = declared[2]
    return st.one_of(
        st.sampled_from((0, 1, 2, 3)).map(lambda replicas: changed(owner, replicas=replicas)),
        st.sampled_from((0, 1, 3)).map(lambda replicas: (changed(owner, replicas=replicas), ESTABLISHED)),
        st.sampled_from(("web:1", "web:3")).map(lambda image: (reimaged(owner, image), ESTABLISHED)),
        st.sampled_from(("", "foreground", "orphan")).map(lambda cascade: gone(owner, cascade)),
        st.just(Declare(owner)),
        st.sampled_from((SECOND, 5 * SECOND, 15 * SECOND)).map(Wait),
        DRAINS,
        UNCORDONS,
    )


def _restored(declared: tuple[dict[str, Any], ...]) -> tuple[Move, ...]:
    return (*UNCORDONED, Declare(declared[2]))  # orphans are adopted again


# Pods that want one claim


@st.composite
def _sharing(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    mode = draw(st.sampled_from(("ReadWriteOncePod", "ReadWriteOnce", "ReadWriteMany")))
    claim = {"accessModes": [mode], "storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "one"}}]
    pods = [
        named("Pod", f"user-{number}", template("user", "web:3", volumes=volumes)["spec"], space=LOOSE)
        for number in range(3)
    ]
    return _STORAGE, SPACE, named("PersistentVolumeClaim", "one", claim, space=LOOSE), *pods


def _using(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    pods = st.sampled_from(declared[3:])
    return st.one_of(
        pods.map(gone),
        pods.map(Declare),
        st.tuples(pods.map(gone), pods.map(Declare)),
        st.sampled_from((SECOND, 5 * SECOND)).map(Wait),
        DRAINS,
        UNCORDONS,
    )


def _left_to_one(declared: tuple[dict[str, Any], ...]) -> tuple[Move, ...]:
    """Leave the claim to one pod: those on other nodes than its first would wait for ever."""
    return (*UNCORDONED, *map(gone, declared[4:]))


THEMES: Final[dict[str, Theme]] = {
    "claims": Theme(_kept(), _keeping, _restored),
    "volumes": Theme(_sharing(), _using, _left_to_one),
}
