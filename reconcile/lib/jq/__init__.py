"""
jq: the expressions by which something is found in JSON data.

    .metadata.annotations["a.b/c"]   .status.conditions.[] | select(.type == "Ready") | .status   .a // "b"

Takes:    an expression; plain JSON data.
Gives:    every value that it finds; JqError if it comes to an error, BadQuery if it cannot be read.
Source:   https://jqlang.org/manual/ and https://github.com/itchyny/gojq.
Left out: definitions, variables (`as`), `reduce`, `foreach`, `try`, objects that are made, formats (`@text`),
          assignments, dates, and the functions that are not in `FUNCTIONS`: an expression with them is refused.
"""

from reconcile.lib.jq.reading import compiled
from reconcile.lib.jq.values import BadQuery, JqError

__all__ = ["BadQuery", "JqError", "compiled"]
