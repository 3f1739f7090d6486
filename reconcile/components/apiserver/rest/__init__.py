"""
REST: the API server's HTTP, as values.

`take` gives the engine's Request that an HTTP request is, or its answer at once; `replied` and `frame` write what the
engine answers. There is no socket here: adapters, tests and replays share it.
"""

from reconcile.components.apiserver.rest.decoding import MOST_BYTES
from reconcile.components.apiserver.rest.replying import frame, replied, streaming
from reconcile.components.apiserver.rest.taking import Asked, Reply, Serving, belongs_to, refused, take
from reconcile.components.apiserver.rest.values import HttpRequest, HttpResponse

__all__ = [
    "MOST_BYTES",
    "Asked",
    "HttpRequest",
    "HttpResponse",
    "Reply",
    "Serving",
    "belongs_to",
    "frame",
    "refused",
    "replied",
    "streaming",
    "take",
]
