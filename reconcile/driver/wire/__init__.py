"""The vocabulary as JSON: events, effects, requests and topology there and back; states one way, for their digest."""

from reconcile.driver.wire.codec import from_json, to_json
from reconcile.driver.wire.numbers import EXACT, integer_from_json, integer_to_json, refuse_rounded
from reconcile.driver.wire.states import Digester, state_digest, state_json
from reconcile.driver.wire.topology import topology_from_json, topology_to_json
from reconcile.driver.wire.values import plain

__all__ = [
    "EXACT",
    "Digester",
    "from_json",
    "integer_from_json",
    "integer_to_json",
    "plain",
    "refuse_rounded",
    "state_digest",
    "state_json",
    "to_json",
    "topology_from_json",
    "topology_to_json",
]
