"""
Columns: what a table of each kind shows, as the API server defines it.

Source:   the API server's printers of each kind, and its default for a kind without one: Name and Created At.
Left out: kinds that 1.36 does not serve by default.
"""

from __future__ import annotations

from typing import Final

from reconcile.model.printing.columns.cluster import CLUSTER
from reconcile.model.printing.columns.column import AGE, CREATED_AT, NAME, Column
from reconcile.model.printing.columns.network import NETWORK
from reconcile.model.printing.columns.storage import STORAGE
from reconcile.model.printing.columns.workloads import WORKLOADS

__all__ = ["AGE", "COLUMNS", "CREATED_AT", "NAME", "PLAIN", "SCALE", "Column"]

COLUMNS: Final[dict[str, tuple[Column, ...]]] = {**WORKLOADS, **NETWORK, **STORAGE, **CLUSTER}
"""Resource -> its columns."""

PLAIN: Final = (NAME, CREATED_AT)
"""What is shown of a kind that has no columns of its own."""

SCALE: Final = (
    Column(NAME.name, NAME.type, NAME.description),
    Column("Desired", "integer", "replicas is the desired number of instances for the scaled object."),
    Column("Available", "integer", "replicas is the actual number of observed instances of the scaled object."),
    AGE,
)
"""What is shown of the subresource scale."""
