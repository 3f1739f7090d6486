"""What an application is, and what it finds when its container starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs

from reconcile.components.applications.vocabulary import Interest
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.model.pods.resolving import Resolver
from reconcile.model.text import names


@attrs.frozen(kw_only=True)
class Place:
    """
    Where an application runs.

    Args:
        pod: the pod's key, namespace/name.
        uid: the pod's.
        container: its name in the pod.
        host: its node.
        ip: the pod's.
        labels: the pod's, when it was started.
        environment: the container's variables.
        args: its command and arguments.
        attempt: how often the container was started before.
        volumes: what is on each of its volumes, by the path at which it is mounted: name -> value; a file that is
            mounted by itself (`subPath`) has the empty name.
        dice: its chance.
        now: the instant, by its host's clock.
        hostname: what `hostname` says there.
        hosts: the text of /etc/hosts.
        resolver: what /etc/resolv.conf says (`written()` is its text).
    """

    pod: str
    uid: str
    container: str
    host: str
    ip: str
    labels: Map[str]
    environment: Map[str]
    args: tuple[str, ...]
    attempt: int
    volumes: Map[Map[Any]]
    dice: Dice
    now: Instant
    hostname: str = ""
    hosts: str = ""
    resolver: Resolver = Resolver()

    @property
    def namespace(self) -> str:
        """The pod's namespace."""
        return self.pod.partition("/")[0]

    @property
    def name(self) -> str:
        """The pod's name."""
        return self.pod.partition("/")[2]


def _nothing(_: Any) -> tuple[Interest, ...]:
    return ()


@attrs.frozen(kw_only=True)
class Application:
    """
    A program of the user's own: what the containers do whose behaviour names it.

    Args:
        name: by which behaviours name it.
        begin: its first state; what it needs of an earlier life it finds on its volumes.
        step: an event in, the next state and its effects out.
        watches: what it wants to be told of, asked when it begins.
        answers: whether it answers a probe as it should: state, what is asked (`GET :8080/ready`), and the instant;
            None: whatever is asked succeeds while it runs.
        follows: it hears `Found` when the files that show ConfigMaps, Secrets or its pod have been written anew;
            without, it finds them when it begins, or reads them (`Read`).
        graceful: it hears `Terminating` and ends by itself; without, SIGTERM ends it at once.
    """

    name: str
    begin: Callable[[Place], Any]
    step: Callable[[Any, Any], tuple[Any, tuple[Any, ...]]]
    watches: Callable[[Any], tuple[Interest, ...]] = _nothing
    answers: Callable[[Any, str, Instant], bool] | None = None
    follows: bool = False
    graceful: bool = False


def check(applications: Iterable[Application], named: Iterable[str]) -> None:
    """
    Refuse applications that cannot be told apart, and behaviours that name one which is not there.

    Raises:
        ReconcileError: it shows which.
    """
    known: set[str] = set()
    for each in applications:
        for fault in names.subdomain_faults(each.name):
            raise ReconcileError(f"application {each.name!r}: name: {fault}")
        if each.name in known:
            raise ReconcileError(f"application {each.name!r}: name: it is another's too")
        known.add(each.name)
    for name in named:
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise ReconcileError(
                f"behaviours: component {name!r} is none of the applications that are given ({there}): give it among"
                " the controllers of the user's own, --controllers MODULE:NAME on the command line"
            )
