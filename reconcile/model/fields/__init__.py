"""
Fields: who owns which fields of an object.

`sets` are sets of fields, `shapes` how a type is owned, `typed` what a value has and what became of it, `managers` what
each write does to ownership.
"""
