"""
Talk: a conversation with the API server, and how it is held.

Takes:    a generator of requests.
Gives:    what was said in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeAlias

import attrs

from reconcile.api import convert
from reconcile.api.kinds import Resource, resource_named, resource_of
from reconcile.api.scalars import freeze
from reconcile.cluster.cluster import Cluster
from reconcile.driver.client import asked
from reconcile.driver.machine import Machine
from reconcile.driver.run import LIMIT
from reconcile.lib.instant import Duration
from reconcile.model.requests import Request, Response


@attrs.frozen(kw_only=True)
class Said:
    """
    What came of a conversation.

    Args:
        lines: what kubectl prints, but for a refusal.
        response: the API server's last answer; of a conversation that it ended, the refusal.
        problem: what kubectl itself objects to, and so did not ask for; empty if nothing.
    """

    lines: tuple[str, ...] = ()
    response: Response
    problem: str = ""


Talk: TypeAlias = Generator[Request, Response, Said]
"""Requests to ask one after the other, each answered before the next."""


def held(cluster: Cluster, talk: Talk, *, limit: Duration = LIMIT) -> tuple[Cluster, Said]:
    """
    Hold a conversation, and let the cluster run meanwhile, first-in first-out.

    Raises:
        ReconcileError: *limit* of virtual time went by without an answer: no API server can be reached.
    """
    machine = Machine(cluster)
    said = holding(talk, lambda request: asked(machine, request, limit=limit))
    return machine.closed(), said


def holding(talk: Talk, ask: Callable[[Request], Response]) -> Said:
    """Hold a conversation with whoever answers: *ask* is given each request."""
    try:
        request = next(talk)
        while True:
            request = talk.send(ask(request))
    except StopIteration as end:
        said: Said = end.value
        return said


def reading(word: str, name: str, namespace: str) -> Request:
    """Give the request that reads one object, by kubectl's word for its resource."""
    resource = resource_named(word)
    return Request(verb="get", resource=resource.key, namespace=namespace if resource.namespaced else "", name=name)


def patching(read: Request, body: Mapping[str, Any]) -> Request:
    """Give the request that patches the object that *read* reads; *body* is a JSON merge patch (RFC 7386)."""
    return attrs.evolve(read, verb="patch", body=freeze(dict(body)))


def title(obj: Any) -> str:
    """Give an object's name as kubectl prints it: `deployment.apps/web`."""
    return f"{kind_title(resource_of(obj))}/{obj.metadata.name}"


def kind_title(resource: Resource) -> str:
    """Give a resource's name as kubectl prints it before an object's: `deployment.apps`."""
    return f"{resource.singular}.{resource.group}" if resource.group else resource.singular


def plain(obj: Any) -> dict[str, Any]:
    """Give an object as JSON."""
    written: dict[str, Any] = convert.dump(obj)
    return written


def aggregated(problems: list[str]) -> str:
    """Give several errors as one text, as kubectl prints them; empty if there are none."""
    return f"[{', '.join(problems)}]" if len(problems) > 1 else "".join(problems)
