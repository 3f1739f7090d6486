"""The components of a cluster, each a pure state machine that knows none of the others."""
