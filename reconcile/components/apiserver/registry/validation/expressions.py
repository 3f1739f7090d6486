"""
Validation of the expressions of admission policies and webhooks: whether they can be read, and what they come to.

Source:   pkg/apis/admissionregistration/validation; apiserver/pkg/admission/plugin/cel, its compiler.
Left out: nothing known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from reconcile.components.apiserver.refusals import Cause, wrong
from reconcile.lib.mapping import Map

if TYPE_CHECKING:
    from reconcile.lib.cel import Program, Type

_IDENTIFIER: Final = re.compile("[_a-zA-Z][_a-zA-Z0-9]*")
_RESERVED: Final = frozenset(
    {
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if"),
        *("import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
    }
)
_NONE: Final = Map[Any]()


def expression_causes(
    field: str,
    expression: str,
    returns: tuple[str, ...] = ("bool",),
    *,
    params: bool = False,
    authorizer: bool = True,
    more: Mapping[str, Type] = _NONE,
) -> list[Cause]:
    """
    Say what is wrong with an expression.

    Args:
        field: where it stands.
        expression: its text, which is not empty.
        returns: the types of which its value must be, as they are written; none for any.
        params: whether it may ask for the policy's parameters.
        authorizer: whether it may ask what somebody may do.
        more: name -> type of what else it may ask for.
    """
    program = _compiled(expression, params=params, authorizer=authorizer, more=more)
    if program.errors:
        return [wrong(field, expression, f"compilation failed: {program.errors}")]
    if not returns or str(program.result) in returns:
        return []
    said = returns[0] if len(returns) == 1 else f"one of [{' '.join(returns)}]"
    return [wrong(field, expression, f"must evaluate to {said} but got {program.result}")]


def is_identifier(name: str) -> bool:
    """Tell whether a policy's variable may be called so."""
    return bool(_IDENTIFIER.fullmatch(name)) and name not in _RESERVED


def _is_variable(variable: Any) -> bool:
    return is_identifier(variable.name or "") and bool((variable.expression or "").strip())


def _compiled(expression: str, *, params: bool, authorizer: bool, more: Mapping[str, Type]) -> Program:
    from reconcile.components.apiserver.admission.expressions import FUNCTIONS, MUTATING  # noqa: PLC0415 -- few clusters speak CEL
    from reconcile.lib.cel import DYN  # noqa: PLC0415 -- as above
    from reconcile.model import cel  # noqa: PLC0415 -- as above
    from reconcile.model.cel.admission import NAMESPACE, REQUEST  # noqa: PLC0415 -- as above

    scope = {"object": DYN, "oldObject": DYN, "request": REQUEST, "namespaceObject": NAMESPACE, **more}
    if params:
        scope["params"] = DYN
    if authorizer:
        scope["authorizer"] = DYN
    return cel.compiled(expression, scope, MUTATING if "JSONPatch" in scope else FUNCTIONS)


def variables_of(spec: Any, *, always: bool = False) -> Mapping[str, Type]:
    """
    Give what a policy's expressions know of its variables: of what type each is that can be read.

    Args:
        spec: the policy's specification.
        always: whether its expressions may ask for variables even if it has none.
    """
    from reconcile.lib.cel import Type  # noqa: PLC0415 -- few clusters speak CEL
    from reconcile.model.cel.admission import kept  # noqa: PLC0415 -- as above

    if not (spec.variables or always):
        return _NONE
    types: dict[str, Type] = {}
    known = {"variables": Type("kubernetes.variables", fields=types)}
    for variable in spec.variables or ():
        if not _is_variable(variable):
            continue
        program = _compiled(variable.expression, params=spec.param_kind is not None, authorizer=True, more=known)
        if not program.errors:
            types[variable.name] = kept(program.result)
    return known


def device_causes(field: str, expression: str) -> list[Cause]:
    """Say what is wrong with an expression that selects devices (k8s.io/dynamic-resource-allocation/cel)."""
    from reconcile.lib.cel import Type  # noqa: PLC0415 -- few clusters speak CEL
    from reconcile.model import cel  # noqa: PLC0415 -- as above

    def by_domain(value: str) -> Type:
        return Type("map", (Type("string"), Type("map", (Type("string"), Type(value)))))

    fields = {
        "driver": Type("string"),
        "attributes": by_domain("dyn"),
        "capacity": by_domain("kubernetes.Quantity"),
        "allowMultipleAllocations": Type("bool"),
    }
    program = cel.compiled(expression, {"device": Type("kubernetes.DRADevice", fields=fields)})
    if program.errors:
        return [wrong(field, expression, f"compilation failed: {program.errors}")]
    if program.result.name in ("bool", "dyn", "any"):
        return []
    return [wrong(field, expression, f"must evaluate to bool or the unknown type, not {program.result}")]
