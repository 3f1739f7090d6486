"""
Cleaning: a certificate request goes an hour after it was decided, a day after it was made, or with its certificate.

Takes:    changes of CertificateSigningRequests.
Gives:    delete of them.
Source:   pkg/controller/certificates/cleaner: cleaner.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.controllers.accounts.certificates import requests
from reconcile.components.controllers.accounts.certificates.requests import REQUESTS, USER
from reconcile.components.controllers.runtime import Ask, Controller, Outcome, Source, keys_of_itself
from reconcile.lib.instant import HOUR, SECOND, Instant
from reconcile.model import certificates
from reconcile.model.requests import Request

NAME: Final = "csrcleaner"
DECIDED: Final = HOUR
PENDING: Final = 24 * HOUR


def reconcile(ask: Ask) -> Outcome:
    """Delete a request whose time is over, or come back then."""
    request = ask.views.get(REQUESTS, ask.key)
    if request is None:
        return Outcome()
    end = _end(request)
    if end is None:
        return Outcome()
    if ask.now <= end:
        return Outcome(after=end + SECOND - ask.now, after_is_periodic=True)  # nothing waits for it
    return Outcome(calls=(Request(verb="delete", resource=REQUESTS, name=ask.key),))


def _end(request: Any) -> Instant | None:
    """Give after which instant a request is deleted; None if never."""
    metadata, status = request.metadata, request.status
    found = (status.conditions if status is not None else None) or ()
    if not found:
        return metadata.creation_timestamp.instant + PENDING if metadata.creation_timestamp is not None else None
    given = requests.certificate_of(request)
    ends = []
    for condition in found:
        since = condition.last_update_time
        if condition.type in ("Denied", "Failed") and since is not None:
            ends.append(since.instant + DECIDED)
        if condition.type == "Approved":
            if since is not None:
                ends.append(since.instant + (DECIDED if given else PENDING))
            expires = certificates.ends_at(given) if given else None
            if expires is not None:
                ends.append(expires)
    return min(ends, default=None)


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(Source(REQUESTS, keys_of_itself),),
    reconcile=reconcile,
    workers=1,
    user=USER,
    awaits=(REQUESTS,),
)
