"""
What `kubectl get` prints: the columns of each kind, and tables of them.

Takes:    API objects and the instant at which one looks at them.
Gives:    rows of text, and tables.
Source:   https://kubernetes.io/docs/reference/kubectl/#formatting-output and what kubectl 1.36 prints.
Left out: columns that a CustomResourceDefinition adds; -o formats other than the plain and the wide table; see
          docs/limits.md, "Command line".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from reconcile.api.kinds import resource
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant
from reconcile.model.printing.ages import age, human_duration
from reconcile.model.printing.cluster import CLUSTER, node_status
from reconcile.model.printing.network import NETWORK
from reconcile.model.printing.pods import Standing, standing
from reconcile.model.printing.shape import Shape
from reconcile.model.printing.workloads import WORKLOADS

__all__ = ["Standing", "aligned", "human_duration", "node_status", "rows", "standing", "table", "type_name"]

_GAP: Final = 3
_NARROWEST: Final = 6
_PLAIN: Final = Shape(("NAME", "AGE"), lambda obj, now: (obj.metadata.name, age(obj, now)))
_SHAPES: Final[dict[str, Shape]] = {**WORKLOADS, **NETWORK, **CLUSTER}


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
    shape = shape or _SHAPES.get(resource_key, _PLAIN)
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
