"""Controllers and applications of a user's own, for scenarios that name them."""

from typing import Any

from reconcile import create
from reconcile.api.rbac_v1 import PolicyRule
from reconcile.components.applications import Application, Found, Log, Place
from reconcile.components.controllers import Ask, Controller, Outcome, Source, keys_of_itself
from reconcile.events import Started
from reconcile.lib.mapping import Map
from reconcile.model.requests import split_key


def reconcile(ask: Ask) -> Outcome:
    """Make a Service of the name of each ConfigMap that has a port."""
    found = ask.views.get("configmaps", ask.key)
    port = (found.data or {}).get("port") if found is not None else None
    if port is None or ask.views.get("services", ask.key) is not None:
        return Outcome()
    namespace, name = split_key(ask.key)
    meta = {"name": name, "namespace": namespace}
    spec = {"selector": {"app": name}, "ports": [{"port": int(port)}]}
    return Outcome(calls=(create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}),))


_SOURCES = (Source("configmaps", keys_of_itself), Source("services", keys_of_itself))

exposer = Controller(name="exposer", sources=_SOURCES, reconcile=reconcile)
"""May do everything, as it says nothing."""

modest = Controller(
    name="modest",
    sources=_SOURCES,
    reconcile=reconcile,
    rules=(PolicyRule(api_groups=("",), resources=("events",), verbs=("create",)),),
)
"""Lacks the right that it needs."""


def _found(state: Place, event: Any) -> tuple[Place, tuple[Any, ...]]:
    if isinstance(event, Started):
        return state, tuple([Log(f"{path} has {_words(files)}") for path, files in state.volumes.items()])
    if isinstance(event, Found):
        return state, (Log(f"{event.path} has {_words(event.files)} now"),)
    return state, ()


def _words(files: Map[Any]) -> str:
    return ", ".join([f"{name or 'itself'}={text!r}" for name, text in sorted(files.items())]) or "nothing"


reader = Application(name="reader", begin=lambda place: place, step=_found, follows=True)
"""Says what is on its volumes: when it begins, and when that changes."""
