"""Telling: what happened, in a line each, and what a cluster says of itself when it is asked."""
