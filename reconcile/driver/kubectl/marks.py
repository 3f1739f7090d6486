"""
kubectl label, annotate and patch.

Source:   k8s.io/kubectl/pkg/cmd/label, annotate, patch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconcile.driver.kubectl.talk import Said, Talk, aggregated, patching, reading, title
from reconcile.lib.errors import ReconcileError
from reconcile.model.requests import Request

_LABELED: Final = {(True, True): "modified", (True, False): "labeled", (False, True): "unlabeled"}


def label(
    word: str,
    name: str,
    labels: Mapping[str, str | None],
    *,
    namespace: str = "default",
    overwrite: bool = False,
) -> Talk:
    """
    Do what `kubectl label WORD NAME KEY=VALUE... KEY-...` does.

    Args:
        word: the resource, as kubectl knows it.
        name: the object's.
        labels: key -> value, or None to take the label off.
        namespace: of a namespaced object.
        overwrite: change also a label that has another value.
    """
    read = reading(word, name, namespace)
    found = yield read
    if not found.ok:
        return Said(response=found)
    now = found.body.metadata.labels or {}
    missing = [f'label "{key}" not found.' for key, value in labels.items() if value is None and key not in now]
    problem = _overwritten(now, labels, overwrite=overwrite)
    if problem:
        return Said(lines=tuple(missing), response=found, problem=problem)
    changes = {key: value for key, value in labels.items() if now.get(key) != value}
    added = any(value is not None for value in changes.values())
    removed = any(value is None for value in changes.values())
    if changes:
        found = yield patching(read, {"metadata": {"labels": changes}})
    said = _LABELED.get((added, removed), "not labeled")
    return Said(lines=(*missing, f"{title(found.body)} {said}") if found.ok else tuple(missing), response=found)


def annotate(
    word: str,
    name: str,
    annotations: Mapping[str, str | None],
    *,
    namespace: str = "default",
    overwrite: bool = False,
) -> Talk:
    """Do what `kubectl annotate WORD NAME KEY=VALUE... KEY-...` does; see `label`."""
    read = reading(word, name, namespace)
    found = yield read
    if not found.ok:
        return Said(response=found)
    now = found.body.metadata.annotations or {}
    problem = _overwritten(now, annotations, overwrite=overwrite)
    if problem:
        return Said(response=found, problem=problem)
    changes = {key: value for key, value in annotations.items() if now.get(key) != value}
    body = {"metadata": {"annotations": changes}} if changes else {}
    return (yield from _patched(patching(read, body), "annotated"))


def patched(word: str, name: str, body: Mapping[str, Any], *, namespace: str = "default") -> Talk:
    """Do what `kubectl patch WORD NAME --type merge -p BODY` does."""
    read = reading(word, name, namespace)
    found = yield read
    if not found.ok:
        return Said(response=found)
    before = found.body.metadata.resource_version
    answer = yield patching(read, body)
    if not answer.ok:
        return Said(response=answer)
    changed = "" if answer.body.metadata.resource_version != before else " (no change)"
    return Said(lines=(f"{title(answer.body)} patched{changed}",), response=answer)


def _patched(request: Request, done: str) -> Talk:
    answer = yield request
    return Said(lines=(f"{title(answer.body)} {done}",) if answer.ok else (), response=answer)


def _overwritten(now: Mapping[str, str], wanted: Mapping[str, str | None], *, overwrite: bool) -> str:
    """Say which of *wanted* have another value *now*, if they are not to be overwritten."""
    if overwrite:
        return ""
    said = [
        f"'{key}' already has a value ({now[key]}), and --overwrite is false"
        for key, value in wanted.items()
        if value is not None and key in now and now[key] != value
    ]
    return aggregated(said)


def pairs(words: tuple[str, ...], what: str) -> dict[str, str | None]:
    """
    Read `KEY=VALUE` and `KEY-` as kubectl does; the value of what is to be taken off is None.

    Args:
        words: as they were written.
        what: what they are, `label` or `annotation`, for errors.

    Raises:
        ReconcileError: one of them is neither, or a key is both set and taken off.
    """
    found: dict[str, str | None] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key:
            off, text = False, value
        elif word.endswith("-") and len(word) > 1:
            off, key, text = True, word[:-1], ""
        else:
            raise ReconcileError(f"invalid {what} format: {word}")
        if key in found and (found[key] is None) != off:
            raise ReconcileError(f"can not both modify and remove {what} {key!r} in the same command")
        found[key] = None if off else text
    return found
