"""How an API object prints: only the fields that are present."""

from typing import Any


def shown(obj: Any) -> str:
    """Return *obj* as the call that builds it, without its absent fields."""
    present = ((name, getattr(obj, name)) for name in obj.__slots__ if name != "__weakref__")
    fields = ", ".join(f"{name}={value!r}" for name, value in present if value is not None)
    return f"{obj.__class__.__name__}({fields})"
