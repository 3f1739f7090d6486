"""
Validation of the expressions of admission policies and webhooks: whether they can be read, and what they come to.

Source:   pkg/apis/admissionregistration/validation; apiserver/pkg/admission/plugin/cel, its compiler.
Left out: `request` and `variables` have no types: what is wrong below them is found when the expression is asked.
"""

from __future__ import annotations

from typing import Final

from reconcile.components.apiserver.refusals import Cause, wrong

_VARIABLES: Final = ("object", "oldObject", "request", "namespaceObject")
_UNTYPED: Final = ("request", "variables")


def expression_causes(
    field: str,
    expression: str,
    returns: tuple[str, ...] = ("bool",),
    *,
    params: bool = False,
    authorizer: bool = True,
    variables: bool = True,
) -> list[Cause]:
    """
    Say what is wrong with an expression.

    Args:
        field: where it stands.
        expression: its text, which is not empty.
        returns: the types of which its value must be; none for any.
        params: whether it may ask for the policy's parameters.
        authorizer: whether it may ask what somebody may do.
        variables: whether it may ask for the policy's variables.
    """
    from reconcile.components.apiserver.admission.expressions import FUNCTIONS  # noqa: PLC0415 -- few clusters speak CEL
    from reconcile.lib.cel import names_in  # noqa: PLC0415 -- as above
    from reconcile.model import cel  # noqa: PLC0415 -- as above

    names = [*_VARIABLES]
    names += ["params"] if params else []
    names += ["authorizer"] if authorizer else []
    names += ["variables"] if variables else []
    program = cel.compiled(expression, names, FUNCTIONS)
    if program.errors:
        return [wrong(field, expression, f"compilation failed: {program.errors}")]
    untyped = program.result.name == "dyn" and not names_in(program.node).isdisjoint(_UNTYPED)
    if not returns or untyped or program.result.name in returns:
        return []
    said = returns[0] if len(returns) == 1 else f"one of [{' '.join(returns)}]"
    return [wrong(field, expression, f"must evaluate to {said} but got {program.result}")]


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
