"""What a scenario's commands read and say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import parse_duration
from reconcile.model.requests import Response
from reconcile.testing.blocks import Block

NUMBER: Final = re.compile("-?[0-9]{1,20}")


def option_of(word: str) -> tuple[str, Any]:
    """Read a word of `load`: `nodes=3`."""
    key, given, text = word.partition("=")
    if not given:
        raise ReconcileError(f"load {word!r}: not of the form nodes=3")
    return key, {"true": True, "false": False}.get(text, int(text) if NUMBER.fullmatch(text) else text)


def reached(response: Response | None) -> Response:
    """Give the answer of a request; ReconcileError if none could be had."""
    if response is None:
        raise ReconcileError("no API server can be reached")
    return response


def refusal_of(response: Response) -> Iterator[str]:
    """Say how a request was refused, if it was."""
    if not response.code:
        yield response.body.message
    elif not response.ok:
        yield f"{response.code} {response.body.reason}: {response.body.message}"


def field_at(plain: Any, path: str) -> Any:
    """Give what stands at a path in plain data, `-` if nothing does."""
    for part in path.split("."):
        if isinstance(plain, list):
            plain = plain[int(part)] if part.isdigit() and int(part) < len(plain) else None
        else:
            plain = plain.get(part) if isinstance(plain, dict) else None
        if plain is None:
            return "-"
    return plain


def duration_in(block: Block, text: str) -> int:
    """Read a duration that a command lets go by."""
    time = parse_duration(text)
    if time < 0:
        raise ReconcileError(f"{block.command!r}: time does not go back")
    return time
