"""The version of this package; pyproject.toml and the header of a log read it here."""

__version__ = "0.1.0"
