"""Serving: a cluster that clients speak HTTP with."""
