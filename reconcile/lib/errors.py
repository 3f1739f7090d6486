"""The one root of every error that bad input can cause."""


class ReconcileError(Exception):
    """Something given to the library cannot be used; the message shows what and where."""
