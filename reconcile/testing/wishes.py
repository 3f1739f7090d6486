"""
Wishes: what users have declared so far, as the undisturbed run is to declare it.

Takes:    manifests that were applied, requests that were answered.
Gives:    manifests, and patches of what is there though nobody declared it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from reconcile.api.scalars import thaw
from reconcile.model.patches import difference, merge, strategic
from reconcile.model.requests import Request, Response, joined

Key = tuple[str, str]
"""A resource, and a namespace and name."""

_STANDING: Final = ("nodes", "namespaces")  # what is there though nobody declared it


class Wishes:
    """
    What is declared; local to one play.

    Args:
        declared: the manifests.
        marked: patches of what nobody declared, such as a Node that is cordoned.
        adopting: a workload selects pods that it did not make, or did once.
    """

    def __init__(self) -> None:
        self.declared: dict[Key, dict[str, Any]] = {}
        self.marked: tuple[Request, ...] = ()
        self.adopting = False
        self._applied: dict[Key, dict[str, Any]] = {}  # as it was last applied: it may be patched since

    def applied(self, key: Key, manifest: dict[str, Any]) -> None:
        """Take in a manifest that was applied: what was patched meanwhile and it does not name stays."""
        patched, before = self.declared.get(key), self._applied.get(key)
        kept = manifest
        if patched is not None and before is not None and patched is not before:
            kept = merge(merge(patched, difference(before, manifest)), manifest)
        self._keep(key, kept)
        self._applied[key] = manifest

    def scaled(self, request: Request, replicas: int) -> None:
        """Take in how many replicas there are to be now."""
        manifest = self.declared.get(key_of(request))
        if manifest is not None:
            self._keep(key_of(request), {**manifest, "spec": {**manifest.get("spec", {}), "replicas": replicas}})

    def patched(self, request: Request, answer: Response) -> None:
        """Take in a patch."""
        key = key_of(request)
        if key in self.declared:
            self.declared[key] = _patched(self.declared[key], request, answer)
        elif key[0] in _STANDING:
            self.marked = (*self.marked, request)

    def deleted(self, key: Key) -> None:
        """Forget what is deleted, and what is in it."""
        self.declared.pop(key, None)
        resource, name = key
        if resource == "namespaces":
            self.declared = {
                each: manifest for each, manifest in self.declared.items() if not each[1].startswith(f"{name}/")
            }

    def _keep(self, key: Key, manifest: dict[str, Any]) -> None:
        self.declared[key] = manifest
        self.adopting = self.adopting or _is_claimed(manifest, self.declared.values())


def key_of(request: Request) -> Key:
    """Give what a request is about."""
    return request.resource, joined(request.namespace, request.name)


def _patched(manifest: dict[str, Any], request: Request, answer: Response) -> dict[str, Any]:
    """Give a manifest with the patch that changed its object."""
    body = thaw(request.body)
    found = strategic.merged(manifest, body, type(answer.body)) if request.patch_type == "strategic" else None
    return merge(manifest, body) if found is None else found


def _is_claimed(manifest: dict[str, Any], others: Iterable[dict[str, Any]]) -> bool:
    """Tell whether a pod's manifest has the labels that a workload selects, or the other way round."""
    labels = [one["metadata"].get("labels") or {} for one in (manifest, *others) if one["kind"] == "Pod"]
    specs = [one.get("spec") or {} for one in (manifest, *others)]
    selectors = [spec.get("selector") for spec in specs if "template" in spec]
    wanted = [(each or {}).get("matchLabels", each) or {} for each in selectors]
    return any(all(found.get(key) == value for key, value in each.items()) for found in labels for each in wanted)
