"""
Validation of CustomResourceDefinitions.

Source:   apiextensions-apiserver's validation of definitions and of structural schemas.
Left out: see docs/limits.md, "Custom resources".
"""

from reconcile.components.apiserver.registry.validation.definitions.specs import causes, change_causes, naming

__all__ = ["causes", "change_causes", "naming"]
