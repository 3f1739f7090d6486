"""The registry: how the API server treats each kind, its defaults, its validation, what is allocated for it."""
