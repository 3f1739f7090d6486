"""
Properties: named predicates over a cluster.

An always-property holds in every state that a cluster can reach; a sometimes-property is reached by some run, which
proves that an always-property is not vacuous. Each is a value, so that a search, a fuzzer and a scenario check the same
thing and name it alike.
"""

from reconcile.properties.always import ALWAYS, SOMETIMES, Property, violations

__all__ = ["ALWAYS", "SOMETIMES", "Property", "violations"]
