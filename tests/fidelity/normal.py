"""
What no two servers have alike is put in a form that both have: uids, versions, times, drawn names, addresses.

What a request itself said is left as it is, since it stands there word for word.
"""

from __future__ import annotations

import re
from typing import Any

UID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
TIME = re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
ADDRESS = re.compile(r"\b10\.(9[6-9]|10\d|11[01])\.\d{1,3}\.\d{1,3}\b")
TOKEN_VOLUME = re.compile(r"kube-api-access-[a-z0-9]{5}")
REVISION = re.compile(r"(resource ?version|revision|current): \d+", re.IGNORECASE)
COUNTED = ("resourceVersion", "continue", "storageVersionHash", "nodePort", "age", "serverAddress")


def normal(value: Any, namespace: str, key: str = "") -> Any:
    """Give *value*, the answer to a request in *namespace*, in the common form."""
    if isinstance(value, dict):
        found = {name: normal(entry, namespace, name) for name, entry in value.items()}
        if "managedFields" in found:
            found["managedFields"] = sorted(found["managedFields"], key=lambda entry: str(sorted(entry.items())))
        return found
    if isinstance(value, list):
        return [normal(entry, namespace, key) for entry in value]
    if key in COUNTED and value not in (None, "", 0):
        return f"<{key}>"
    if isinstance(value, str):
        text = value.replace(namespace, "<namespace>")
        for pattern, word in ((UID, "<uid>"), (TIME, "<time>"), (ADDRESS, "<address>"), (TOKEN_VOLUME, "<volume>")):
            text = pattern.sub(word, text)
        return (
            "<age>"
            if re.fullmatch(r"\d+[smhd](\d+[smh])?", text) and key == "cells"
            else REVISION.sub(r"\1: <n>", text)
        )
    return value
