"""Expressions of policies and webhooks: what cannot be read, and what comes to another type than it must."""

import pytest

from reconcile.components.apiserver.registry.validation.expressions import expression_causes


@pytest.mark.parametrize(
    ("expression", "options", "said"),
    [
        ("object.a == 1", {}, ""),
        ("oldObject == null || namespaceObject.metadata.name == 'x'", {}, ""),
        ("request.dryRun", {}, ""),
        ("variables.a", {}, ""),
        ("authorizer.group('').resource('pods').check('get').allowed()", {}, ""),
        ("object.a", {}, "must evaluate to bool"),
        ("1", {}, "must evaluate to bool"),
        ("'a'", {"returns": ("string",)}, ""),
        ("true", {"returns": ("string", "null_type")}, "must evaluate to one of [string null_type]"),
        ("null", {"returns": ("string", "null_type")}, ""),
        ("{}", {"returns": ()}, ""),
        (
            "params.a == 1",
            {},
            (
                "compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')\n"
                " | params.a == 1\n | ^"
            ),
        ),
        ("params.a == 1", {"params": True}, ""),
        (
            "authorizer.allowed()",
            {"authorizer": False},
            (
                "compilation failed: ERROR: <input>:1:1: undeclared reference to 'authorizer' (in container '')\n"
                " | authorizer.allowed()\n | ^"
            ),
        ),
    ],
)
def test_what_is_wrong_with_an_expression(expression, options, said):
    found = [cause.message for cause in expression_causes("f", expression, **options)]
    assert found == ([f'Invalid value: "{expression}": {said}'] if said else [])
