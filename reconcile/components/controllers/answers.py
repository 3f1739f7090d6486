"""
Answers: what the API server said to a controller's call.

Source:   apimachinery's api/errors.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Final

from reconcile.model.requests import Response

NOT_FOUND: Final = 404


def text_of(response: Response) -> str:
    """Give a refusal in one line, `409 Conflict: Operation cannot be fulfilled ...`, or why there is no answer."""
    if not response.code:
        return message_of(response)
    return f"{response.code} {response.reason}: {message_of(response)}"


def message_of(response: Response) -> str:
    """Give a refusal in the API server's own words."""
    return getattr(response.body, "message", None) or ""


def is_done(response: Response) -> bool:
    """Tell whether the call was carried out, or is as good as that: what it was about is gone."""
    return response.ok or response.code == NOT_FOUND


def namespace_ends(response: Response) -> bool:
    """Tell whether nothing can be created because the namespace is being deleted: then nothing need be."""
    details = None if response.ok else response.body.details
    return details is not None and any(cause.reason == "NamespaceTerminating" for cause in details.causes or ())
