"""
Attaching: what a VolumeAttachment asks for is done, and undone when it is deleted.

Source:   external-attacher: its CSI handler.
"""

from __future__ import annotations

from typing import Any

from reconcile.api import storage_v1
from reconcile.api.scalars import Time
from reconcile.components.controllers.answers import is_done, text_of
from reconcile.components.controllers.progress import Progress, with_memory
from reconcile.components.controllers.runtime import Ask, Key, Outcome, Views
from reconcile.components.controllers.volumes.drivers.naming import ATTACHMENTS, driver_named
from reconcile.components.controllers.volumes.drivers.trying import tried
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import replace
from reconcile.model.drivers import Driver, Operation
from reconcile.model.requests import Request
from reconcile.store import Change


def keys_of_attachment(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the attachment."""
    return () if change.new is None else (change.key,)


def reconcile(drivers: tuple[Driver, ...], ask: Ask) -> Outcome:
    """Attach what is to be attached, detach what is to be gone."""
    progress: Progress = ask.memory
    found = ask.views.get(ATTACHMENTS, ask.key)
    driver = None if found is None else driver_named(drivers, found.spec.attacher)
    for _, response in ask.answers:
        return Outcome() if is_done(response) else Outcome(error=text_of(response))
    if found is None or driver is None:
        return Outcome()
    finalizer = f"external-attacher/{driver.name.replace('.', '-')}"
    metadata, held = found.metadata, found.metadata.finalizers or ()
    attached = found.status is not None and found.status.attached
    if metadata.deletion_timestamp is None:
        if finalizer not in held:
            return _with_finalizers(found, (*held, finalizer))
        if attached:
            return Outcome()
    elif finalizer not in held:
        return Outcome()
    operation: Operation = "detach" if metadata.deletion_timestamp is not None else "attach"
    work = (operation, metadata.uid)
    progress, wait, fault = tried(driver, operation, progress, work, driver.attach, now=ask.now)
    if fault is not None:
        outcome = replace(_update(_with_error(found, operation, fault.words, ask.now), "status"), again=False)
        return with_memory(replace(outcome, after=wait), progress)
    if wait:
        return with_memory(Outcome(after=wait), progress)
    if metadata.deletion_timestamp is not None:
        kept = tuple([each for each in held if each != finalizer])
        return with_memory(_with_finalizers(found, kept), progress.done(work))
    body = replace(found, status=storage_v1.VolumeAttachmentStatus(attached=True))
    return with_memory(_update(body, "status"), progress.done(work))


def _with_error(found: Any, operation: Operation, words: str, now: Instant) -> Any:
    """Give the attachment that says why it failed; whether it is attached is as it was."""
    error = storage_v1.VolumeError(message=words, time=Time.at(now))
    status = found.status or storage_v1.VolumeAttachmentStatus(attached=False)
    said = replace(status, attach_error=error) if operation == "attach" else replace(status, detach_error=error)
    return replace(found, status=said)


def _with_finalizers(found: Any, finalizers: tuple[str, ...]) -> Outcome:
    return _update(replace(found, metadata=replace(found.metadata, finalizers=finalizers or None)))


def _update(body: Any, subresource: str = "") -> Outcome:
    name = body.metadata.name
    request = Request(verb="update", resource=ATTACHMENTS, name=name, subresource=subresource, body=body)
    return Outcome(calls=(request,), again=True)
