"""
Properties: named predicates over a cluster.

An always-property holds in every state that a cluster can reach; a sometimes-property is reached by some run, which
proves that an always-property is not vacuous. Each is a value, so that a search, a fuzzer and a scenario check the same
thing and name it alike. A promise needs what came before: what each kind promises, along a run. What must be so at rest
needs rest.
"""

from reconcile.properties.always import ALWAYS, uids_after, uids_of, violations
from reconcile.properties.ends import PAST, Ends, Past, differences, normal
from reconcile.properties.following import Following
from reconcile.properties.heeding import Unheeded, unheeded
from reconcile.properties.promises import PROMISES, named
from reconcile.properties.property import Passage, Promise, Property, broken, broken_by
from reconcile.properties.rest import leftovers
from reconcile.properties.rollouts import Rollouts
from reconcile.properties.sometimes import SOMETIMES

__all__ = [
    "ALWAYS",
    "PAST",
    "PROMISES",
    "SOMETIMES",
    "Ends",
    "Following",
    "Passage",
    "Past",
    "Promise",
    "Property",
    "Rollouts",
    "Unheeded",
    "broken",
    "broken_by",
    "differences",
    "leftovers",
    "named",
    "normal",
    "uids_after",
    "uids_of",
    "unheeded",
    "violations",
]
