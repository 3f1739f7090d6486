"""HTTP as values: a request as a client sent it, and what is sent back."""

from __future__ import annotations

import attrs

from reconcile.lib.quick import quick

Pairs = tuple[tuple[str, str], ...]


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class HttpRequest:
    """
    A request as it came over a connection.

    Args:
        method: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, ...
        path: percent-decoded, without the query.
        query: the parameters, decoded, in order; a name may come several times.
        headers: names in lower case, in order; a name may come several times.
        body: as it came, after Transfer-Encoding and before Content-Encoding is undone.
        certificate: the common name and the organizations of the client's certificate, if it gave one that the
            cluster's authority signed.
        source: the address that it came from; empty if it is not known.
    """

    method: str
    path: str
    query: Pairs = ()
    headers: Pairs = ()
    body: bytes = b""
    certificate: tuple[str, tuple[str, ...]] | None = None
    source: str = ""

    def header(self, name: str) -> str:
        """Give the first header of this name, in lower case; empty if there is none."""
        return next((value for key, value in self.headers if key == name), "")

    def all_headers(self, name: str) -> tuple[str, ...]:
        """Give every header of this name, in lower case."""
        return tuple([value for key, value in self.headers if key == name])

    def parameter(self, name: str) -> str:
        """Give the first parameter of this name; empty if there is none."""
        return next((value for key, value in self.query if key == name), "")


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class HttpResponse:
    """
    What is sent back.

    Args:
        code: the HTTP status code.
        headers: in order.
        body: whole; of a watch empty, since its frames follow.
    """

    code: int
    headers: Pairs = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        """Give the first header of this name, whatever the case of its letters; empty if there is none."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")
