"""A column of a table, and those that many kinds have."""

from __future__ import annotations

from typing import Final

import attrs


@attrs.frozen
class Column:
    """
    One column.

    Args:
        name: as a Table says it; kubectl writes it in capitals.
        type: of its cells: string, integer, boolean, date.
        description: what it shows.
        priority: 0 is shown always; 1 only in a wide table.
        format: `name` marks the object's name.
    """

    name: str
    type: str
    description: str
    priority: int = 0
    format: str = ""


NAME: Final = Column(
    "Name",
    "string",
    "Name must be unique within a namespace. Is required when creating resources, although some resources may "
    "allow a client to request the generation of an appropriate name automatically. Name is primarily intended for "
    "creation idempotence and configuration definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names",
    format="name",
)

AGE: Final = Column(
    "Age",
    "string",
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not "
    "guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It "
    "is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More "
    "info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
)

CREATED_AT: Final = Column(
    "Created At",
    "date",
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not "
    "guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It "
    "is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More "
    "info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
)

CONTAINERS: Final = Column(
    "Containers",
    "string",
    "Names of each container in the template.",
    priority=1,
)

IMAGES: Final = Column(
    "Images",
    "string",
    "Images referenced by each container in the template.",
    priority=1,
)
