"""
Words: what themes are written in: manifests, and what users do to them.

Takes:    names, specs.
Gives:    `Theme`, manifests as plain JSON, moves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs
from hypothesis import strategies as st

from reconcile.driver.script.errands import Errand, errand_of
from reconcile.lib.instant import SECOND
from reconcile.testing.moves import Declare, Move, Wait, Withdraw
from reconcile.testing.programs.world import LOOSE


@attrs.frozen
class Theme:
    """
    What some users do.

    Args:
        manifests: draws what is declared.
        moves: of what is declared, draws what happens to it: a move, or several that belong together.
        last: of what is declared, what brings it to rest at the end.
    """

    manifests: st.SearchStrategy[tuple[dict[str, Any], ...]]
    moves: Callable[[tuple[dict[str, Any], ...]], st.SearchStrategy[Any]]
    last: Callable[[tuple[dict[str, Any], ...]], tuple[Move, ...]] = lambda _: ()


def named(
    kind: str, name: str, spec: Any = None, *, version: str = "v1", space: str = "", **more: Any
) -> dict[str, Any]:
    """Give a manifest."""
    metadata: dict[str, Any] = {"name": name} | ({"namespace": space} if space else {})
    found = {"apiVersion": version, "kind": kind, "metadata": metadata, **more}
    return found if spec is None else {**found, "spec": spec}


def template(app: str, image: str, *, requests: Any = None, **spec: Any) -> dict[str, Any]:
    """Give a pod template of one container, labelled with its app."""
    container = {"name": "main", "image": image} | ({"resources": {"requests": requests}} if requests else {})
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [container], **spec}}


def owning(template: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """Give the spec of a workload that selects what its template makes."""
    return {"selector": {"matchLabels": template["metadata"]["labels"]}, "template": template, **spec}


def changed(manifest: dict[str, Any], **spec: Any) -> Declare:
    """Apply a manifest with other fields in its spec."""
    return Declare({**manifest, "spec": {**manifest["spec"], **spec}})


def reimaged(manifest: dict[str, Any], image: str) -> Declare:
    """Apply a workload's manifest with another image in its template."""
    template = manifest["spec"]["template"]
    containers = [{**each, "image": image} for each in template["spec"]["containers"]]
    return changed(manifest, template={**template, "spec": {**template["spec"], "containers": containers}})


def gone(manifest: dict[str, Any], cascade: str = "") -> Withdraw:
    """Delete what a manifest declares."""
    metadata = manifest["metadata"]
    return Withdraw(manifest["kind"], metadata["name"], metadata.get("namespace", "default"), cascade)


def errand(words: str) -> Errand:
    """Read a command of kubectl."""
    verb, *rest = words.split()
    return errand_of(f"{verb} {rest.pop(0)}" if verb in {"rollout", "set"} else verb, tuple(rest))


ESTABLISHED: Final = Wait(20 * SECOND)
NODES: Final = ("node-1", "node-2", "node-3")
_BUSY: Final = ("node-2", "node-3", "node-2", "node-3", "node-1")  # few pods come to the first, which is the master
SPACE: Final = named("Namespace", LOOSE)
STEADY: Final = st.sampled_from(("web:1", "web:3", "slow:1"))
_DRAIN: Final = "--ignore-daemonsets --force --delete-emptydir-data"
DRAINS: Final = st.sampled_from(_BUSY).map(lambda node: errand(f"drain {node} {_DRAIN}"))
UNCORDONS: Final = st.sampled_from(NODES).map(lambda node: errand(f"uncordon {node}"))
UNCORDONED: Final = tuple([errand(f"uncordon {node}") for node in NODES])
