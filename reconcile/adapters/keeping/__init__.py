"""Keeping: a served cluster's data directory, from which a server starts again where it was killed."""
