"""
Structural schemas: what a CustomResourceDefinition says of its objects, applied to them.

    kept, defaulted, without_nulls   what an object is once it was read
    faults                           the JSON Schema part of validation
    list_faults                      lists that are sets or maps
    rule_faults                      x-kubernetes-validations

Schemas and objects are plain JSON data.

Source:   https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
Left out: see docs/limits.md, "Custom resources".
"""

from reconcile.components.apiserver.registry.structural.filling import defaulted, kept, without_nulls
from reconcile.components.apiserver.registry.structural.judging import faults
from reconcile.components.apiserver.registry.structural.lists import list_faults
from reconcile.components.apiserver.registry.structural.rules import compile_rules, rule_faults, rule_type

__all__ = [
    "compile_rules",
    "defaulted",
    "faults",
    "kept",
    "list_faults",
    "rule_faults",
    "rule_type",
    "without_nulls",
]
