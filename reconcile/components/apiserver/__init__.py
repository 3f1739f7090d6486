"""
The API server: a pure function of a request.

`plan` authenticates, authorises, defaults, admits and validates, and gives an answer or one transaction; `answer`
says what its commit came to. Where webhooks are to be asked first, it says what, and is
asked again with their answers. The engine commits between the two, at once with one etcd member, through Raft with
several.

`step` serves a client's watch; `appear` is what a server does by itself.

Takes:    Request, User, Store; Watched, TimerFired.
Gives:    Response, Planned; Notice, SetTimer.
Source:   Kubernetes' API concepts, and the behaviour of kube-apiserver.
Left out: see docs/limits.md, "API server".
"""

from reconcile.components.apiserver.access.authorising import decided
from reconcile.components.apiserver.access.bootstrap import Grant, founded
from reconcile.components.apiserver.calling import DEADLINE
from reconcile.components.apiserver.presence import step as appear
from reconcile.components.apiserver.reading.watching import Watching, lists, step, watches
from reconcile.components.apiserver.serving import answer, plan
from reconcile.components.apiserver.state import (
    EVENT_TTL,
    ITSELF,
    Asking,
    Notes,
    Planned,
    State,
    begin,
    bootstrap,
    elects,
)

__all__ = [
    "DEADLINE",
    "EVENT_TTL",
    "ITSELF",
    "Asking",
    "Grant",
    "Notes",
    "Planned",
    "State",
    "Watching",
    "answer",
    "appear",
    "begin",
    "bootstrap",
    "decided",
    "elects",
    "founded",
    "lists",
    "plan",
    "step",
    "watches",
]
