"""
What a table shows of each kind: the API server's `Table`, and the text that kubectl makes of it.

Takes:    API objects and the instant at which one looks at them.
Gives:    rows of typed cells, rows of text, and tables of them.
Source:   https://kubernetes.io/docs/reference/kubectl/#formatting-output and what kubectl 1.36 prints;
          the API server's printers.
Left out: columns that a CustomResourceDefinition adds; -o formats other than the plain and the wide table; see
          docs/limits.md, "Command line".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from reconcile.api.kinds import resource
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant
from reconcile.model.printing.ages import UNKNOWN, age, human_duration
from reconcile.model.printing.cluster import CLUSTER, node_status
from reconcile.model.printing.columns import AGE, COLUMNS, CREATED_AT, NAME, PLAIN, SCALE, Column
from reconcile.model.printing.network import NETWORK
from reconcile.model.printing.pods import Standing, standing
from reconcile.model.printing.shape import Cells, Fill, Shape
from reconcile.model.printing.storage import STORAGE
from reconcile.model.printing.workloads import WORKLOADS

__all__ = [
    "Column",
    "Shape",
    "Standing",
    "aligned",
    "has_printer",
    "human_duration",
    "node_status",
    "rows",
    "scale_shape",
    "shape_of",
    "standing",
    "table",
    "type_name",
]

_GAP: Final = 3
_NARROWEST: Final = 6


def _aged(obj: Any, now: Instant) -> Cells:
    return (obj.metadata.name, age(obj, now))


def _created(obj: Any, _: Instant) -> Cells:
    created = obj.metadata.creation_timestamp
    return (obj.metadata.name, UNKNOWN if created is None else created.text)


def _scale(obj: Any, now: Instant) -> Cells:
    wanted = obj.spec.replicas if obj.spec is not None else 0
    there = obj.status.replicas if obj.status is not None else 0
    return (obj.metadata.name, wanted or 0, there or 0, age(obj, now))


_FILLS: Final[dict[str, Fill]] = {**WORKLOADS, **NETWORK, **STORAGE, **CLUSTER}
_SHAPES: Final[dict[str, Shape]] = {
    key: Shape(columns, _FILLS.get(key, _created if columns[-1] is CREATED_AT else _aged))
    for key, columns in COLUMNS.items()
}
_PLAIN: Final = Shape(PLAIN, _created)
_CUSTOM: Final = Shape((NAME, AGE), _aged)
_SCALE: Final = Shape(SCALE, _scale)
_UNPRINTED: Final = ("csistoragecapacities.storage.k8s.io", "customresourcedefinitions.apiextensions.k8s.io")


def shape_of(resource_key: str) -> Shape:
    """Say how objects of a resource are shown; one that nobody knows has Name and Age, as custom resources have."""
    found = _SHAPES.get(resource_key)
    if found is not None:
        return found
    return _PLAIN if resource_key in _UNPRINTED else _CUSTOM


def has_printer(resource_key: str) -> bool:
    """Tell whether the API server has a printer of its own for a built-in kind."""
    return resource_key not in _UNPRINTED


def scale_shape() -> Shape:
    """Say how the subresource scale is shown."""
    return _SCALE


def rows(
    resource_key: str,
    objects: Iterable[Any],
    now: Instant,
    *,
    namespaced: bool = False,
    wide: bool = False,
    typed: bool = False,
    shape: Shape | None = None,
) -> tuple[tuple[str, ...], ...]:
    """
    Give a table's cells, the headings first.

    Args:
        resource_key: the objects' resource: `pods`, `deployments.apps`; an unknown one has NAME and AGE.
        objects: what to show, in order.
        now: the instant to which ages count.
        namespaced: begin with the namespace, as `-A` does.
        wide: add the columns of `-o wide`.
        typed: write `deployment.apps/web` for `web`, as kubectl does when it is asked for several resources.
        shape: how objects of a custom resource are shown.
    """
    shape = shape or shape_of(resource_key)
    headings = shape.headings(wide=wide)
    named = headings.index("NAME") if typed and "NAME" in headings else -1
    prefix = f"{type_name(resource_key)}/"
    found = [("NAMESPACE", *headings) if namespaced else headings]
    for obj in objects:
        row = shape.row(obj, now, wide=wide)
        if named >= 0:
            row = (*row[:named], prefix + row[named], *row[named + 1 :])
        found.append((obj.metadata.namespace or "", *row) if namespaced else row)
    return tuple(found)


def table(
    resource_key: str,
    objects: Iterable[Any],
    now: Instant,
    namespaced: bool = False,  # noqa: FBT001, FBT002 -- a caller says which by name
    wide: bool = False,  # noqa: FBT001, FBT002 -- the same
    *,
    typed: bool = False,
    shape: Shape | None = None,
) -> str:
    """Give the table that kubectl prints, a line each and no line end at its end; see `rows`."""
    return aligned(rows(resource_key, objects, now, namespaced=namespaced, wide=wide, typed=typed, shape=shape))


def aligned(cells: Iterable[tuple[str, ...]]) -> str:
    """Lay rows out in columns, three spaces apart and at least six wide, as kubectl does."""
    lines = tuple(cells)
    widths = [max(_NARROWEST, max(map(len, column)) + _GAP) for column in zip(*lines, strict=True)]
    return "\n".join(["".join([*map(str.ljust, line[:-1], widths[:-1]), line[-1]]).rstrip() for line in lines])


def type_name(resource_key: str) -> str:
    """Give a resource's singular with its group: `pod`, `deployment.apps`."""
    try:
        found = resource(resource_key)
    except ReconcileError:
        return resource_key
    return f"{found.singular}.{found.group}" if found.group else found.singular
