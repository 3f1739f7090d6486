"""
Properties: named predicates over a cluster.

An always-property holds in every state that a cluster can reach; a sometimes-property is reached by some run, which
proves that an always-property is not vacuous. Each is a value, so that a search, a fuzzer and a scenario check the same
thing and name it alike. Two more need more than one state: the bounds of a rollout need what came before, and what must
be so at rest needs rest.
"""

from reconcile.properties.always import ALWAYS, uids_after, uids_of, violations
from reconcile.properties.ends import PAST, Ends, Past, differences, normal
from reconcile.properties.heeding import Unheeded, unheeded
from reconcile.properties.property import Passage, Property, broken, broken_by
from reconcile.properties.rest import leftovers
from reconcile.properties.rollouts import Rollouts
from reconcile.properties.sometimes import SOMETIMES

__all__ = [
    "ALWAYS",
    "PAST",
    "SOMETIMES",
    "Ends",
    "Passage",
    "Past",
    "Property",
    "Rollouts",
    "Unheeded",
    "broken",
    "broken_by",
    "differences",
    "leftovers",
    "normal",
    "uids_after",
    "uids_of",
    "unheeded",
    "violations",
]
