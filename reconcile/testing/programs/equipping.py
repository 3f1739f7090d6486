"""
Equipping: pods that ask for devices, more of them than there are.

Takes:    nothing.
Gives:    `THEMES`; `DEVICES`, the driver that has them.
"""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from reconcile.lib.instant import SECOND
from reconcile.testing.moves import Declare, Move, Wait
from reconcile.testing.programs.words import (
    DRAINS,
    SPACE,
    STEADY,
    UNCORDONED,
    UNCORDONS,
    Theme,
    changed,
    gone,
    named,
    owning,
    template,
)
from reconcile.testing.programs.world import DEVICES, LOOSE

_VERSION: Final = "resource.k8s.io/v1"
_SELECTOR: Final = {"cel": {"expression": f"device.driver == '{DEVICES}'"}}
_CLASS: Final = named("DeviceClass", "gpu", {"selectors": [_SELECTOR]}, version=_VERSION)
_REQUEST: Final = {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu"}}]}}
_TEMPLATE: Final = named("ResourceClaimTemplate", "gpu", {"spec": _REQUEST}, version=_VERSION, space=LOOSE)
_SHARED: Final = named("ResourceClaim", "shared", _REQUEST, version=_VERSION, space=LOOSE)


def _using(app: str, image: str, **source: str) -> dict[str, Any]:
    made = template(app, image, resourceClaims=[{"name": "gpu", **source}], terminationGracePeriodSeconds=3)
    made["spec"]["containers"][0]["resources"] = {"claims": [{"name": "gpu"}]}
    return made


@st.composite
def _equipped(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    replicas = draw(st.sampled_from((2, 1, 3)))
    spec = owning(_using("train", draw(STEADY), resourceClaimTemplateName="gpu"), replicas=replicas)
    users = [
        named("Pod", f"infer-{number}", _using("infer", "web:3", resourceClaimName="shared")["spec"], space=LOOSE)
        for number in range(2)
    ]
    return _CLASS, SPACE, _TEMPLATE, _SHARED, named("Deployment", "train", spec, version="apps/v1", space=LOOSE), *users


def _changing(declared: tuple[dict[str, Any], ...]) -> st.SearchStrategy[Any]:
    train, parts = declared[4], st.sampled_from(declared[4:])  # the claim stays as long as pods have it
    return st.one_of(
        st.sampled_from((0, 1, 2, 4)).map(lambda replicas: changed(train, replicas=replicas)),
        parts.map(gone),
        parts.map(Declare),
        st.tuples(parts.map(gone), parts.map(Declare)),
        st.sampled_from((SECOND, 5 * SECOND, 15 * SECOND)).map(Wait),
        DRAINS,
        UNCORDONS,
    )


def _left(declared: tuple[dict[str, Any], ...]) -> tuple[Move, ...]:
    return (*UNCORDONED, *map(Declare, declared[3:]), changed(declared[4], replicas=1))


THEMES: Final[dict[str, Theme]] = {"devices": Theme(_equipped(), _changing, _left)}
