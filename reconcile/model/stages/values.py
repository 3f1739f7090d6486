"""The values of stages: what a Stage and a KwokConfiguration say, once they are read."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from reconcile.lib.instant import Duration
from reconcile.lib.mapping import Map
from reconcile.model.requests import PatchType, Request


@attrs.frozen
class Expression:
    """How something is found in an object: an expression of jq, or of CEL."""

    language: Literal["jq", "cel"]
    text: str


@attrs.frozen
class Requirement:
    """What an expression has to find; of CEL, which says all itself, there is no operator."""

    expression: Expression
    operator: str = ""
    values: tuple[str, ...] = ()


@attrs.frozen
class Delay:
    """How long it takes to go into a stage: from one duration to the other, said or found in the object."""

    duration: Duration = 0
    duration_from: Expression | None = None
    jitter: Duration | None = None
    jitter_from: Expression | None = None


@attrs.frozen
class Note:
    """An event that is recorded; its message may be a template."""

    type: str
    reason: str
    message: str


@attrs.frozen
class Finalizers:
    """What becomes of the object's finalizers."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    empty: bool = False


@attrs.frozen
class Patch:
    """A patch: a template that renders as YAML, beneath *root*; sent as the user of that name, if there is one."""

    template: str
    root: str = ""
    subresource: str = ""
    type: str = ""
    username: str = ""


@attrs.frozen
class Application:
    """
    An object that is brought about: created, or patched if it is there; of one with a *subresource* that is patched.

    *template* renders as YAML, with apiVersion and kind. It is sent as the user of that name, if there is one.
    """

    template: str
    subresource: str = ""
    type: PatchType = "apply"
    username: str = ""


@attrs.frozen(kw_only=True)
class Step:
    """One step of a stage."""

    note: Note | None = None
    finalizers: Finalizers | None = None
    delete: bool = False
    patch: Patch | None = None
    application: Application | None = None


@attrs.frozen(kw_only=True)
class Stage:
    """
    A stage of the lives of one resource's objects.

    Args:
        name: its own.
        resource: the key of the resource: `pods`; of a custom one its kind and group, `Thing.example.com`, before the
            resource is known that its definition establishes.
        labels: that an object must have.
        annotations: that an object must have.
        requirements: what else is asked of it.
        weight: how likely it is chosen among those that an object may go into.
        weight_from: where in the object that is said.
        delay: how long it takes; None for no time at all.
        steps: what is done then, in this order.
        immediate: what follows is looked for in the answer of the API server, before its watch tells of it.
    """

    name: str
    resource: str
    labels: Map[str] = Map()
    annotations: Map[str] = Map()
    requirements: tuple[Requirement, ...] = ()
    weight: int = 0
    weight_from: Expression | None = None
    delay: Delay | None = None
    steps: tuple[Step, ...] = ()
    immediate: bool = False


@attrs.frozen(kw_only=True)
class Settings:
    """
    What a KwokConfiguration says that has an effect here, by KWOK's own defaults.

    Args:
        cidr: where the addresses of pods come from whose node has no podCIDR.
        node_ip: the address of nodes that have none.
        node_name: a node's host name; empty for none.
        node_port: the port of a node's kubelet; 0 for none.
        single_node: the name of the only node that is played; empty for none.
        all_nodes: every node is played, if no single one is.
        nodes_with_annotations: a selector of the nodes that are played, by their annotations.
        nodes_with_labels: the same by their labels.
        not_with_annotations: a selector of the objects that are let be, by their annotations.
        not_with_labels: the same by their labels.
        lease_seconds: how long the Lease of a node holds; 0: nodes have none.
    """

    cidr: str = "10.0.0.1/24"
    node_ip: str = ""
    node_name: str = ""
    node_port: int = 0
    single_node: str = ""
    all_nodes: bool = False
    nodes_with_annotations: str = "kwok.x-k8s.io/node=fake"
    nodes_with_labels: str = ""
    not_with_annotations: str = "kwok.x-k8s.io/status=custom"
    not_with_labels: str = ""
    lease_seconds: int = 40


@attrs.frozen
class Stages:
    """All that the documents of a cluster say; the stages by the key of their resource, in their order."""

    by_resource: Map[tuple[Stage, ...]] = Map()
    custom: Map[tuple[Stage, ...]] = Map()
    settings: Settings = Settings()


@attrs.frozen
class Seen:
    """An object as a stage sees it: as it is, and as plain JSON."""

    obj: Any
    data: dict[str, Any]

    @property
    def metadata(self) -> dict[str, Any]:
        """Its metadata, as plain JSON."""
        found: dict[str, Any] = self.data.get("metadata") or {}
        return found


@attrs.frozen
class Doing:
    """
    What is to be done of one step: something to record, or to ask of the API server.

    Args:
        note: what is recorded.
        request: what is asked.
        username: as whom; empty for the controller itself.
        otherwise: what is asked instead if what is to be created is there.
    """

    note: Note | None = None
    request: Request | None = None
    username: str = ""
    otherwise: Request | None = None
