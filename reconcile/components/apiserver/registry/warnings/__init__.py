"""
Warnings: what a client is told of an object that is taken all the same.

They cost their time only where somebody reads them: `Request.warned` says so.

Source:   WarningsOnCreate and WarningsOnUpdate of the registry's strategies.
Left out: see docs/limits.md, "API server".
"""

from reconcile.components.apiserver.registry.warnings.kinds import change_warnings, creation_warnings

__all__ = ["change_warnings", "creation_warnings"]
