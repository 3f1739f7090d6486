"""Drivers by name, and what VolumeAttachments are called."""

from __future__ import annotations

from typing import Any, Final

from reconcile.model.drivers import Driver

ATTACHMENTS: Final = "volumeattachments.storage.k8s.io"


def driver_named(drivers: tuple[Driver, ...], name: Any) -> Driver | None:
    """Give the driver of this name, if there is one."""
    return next((driver for driver in drivers if driver.name == name), None)
