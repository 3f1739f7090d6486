"""Expressions of policies and webhooks: what cannot be read, and what comes to another type than it must."""

import pytest

from reconcile.components.apiserver.registry.validation.expressions import device_causes, expression_causes


@pytest.mark.parametrize(
    ("expression", "options", "said"),
    [
        ("object.a == 1", {}, ""),
        ("oldObject == null || namespaceObject.metadata.name == 'x'", {}, ""),
        ("request.dryRun", {}, ""),
        (
            "variables.a",
            {},
            (
                "compilation failed: ERROR: <input>:1:1: undeclared reference to 'variables' (in container '')\n"
                " | variables.a\n | ^"
            ),
        ),
        (
            "request.foo",
            {},
            "compilation failed: ERROR: <input>:1:8: undefined field 'foo'\n | request.foo\n | .......^",
        ),
        ("namespaceObject.metadata.name", {}, "must evaluate to bool but got string"),
        ("authorizer.group('').resource('pods').check('get').allowed()", {}, ""),
        ("object.a", {}, "must evaluate to bool but got dyn"),
        ("1", {}, "must evaluate to bool but got int"),
        ("'a'", {"returns": ("string",)}, ""),
        ("true", {"returns": ("string", "null_type")}, "must evaluate to one of [string null_type] but got bool"),
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


GOOD = (
    'device.driver == "a.b"',
    'device.attributes["a.b"].size > 3',
    'device.capacity["a.b"].mem.compareTo(quantity("1Gi")) >= 0',
    'cel.bind(d, device.attributes["x.y"], d.one && d.two)',
    "device.allowMultipleAllocations",
)


@pytest.mark.parametrize("expression", GOOD)
def test_what_selects_devices(expression):
    assert device_causes("f", expression) == []


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("1 + 1", "must evaluate to bool or the unknown type, not int"),
        ("device.foo", "compilation failed: ERROR: <input>:1:7: undefined field 'foo'\n | device.foo\n | ......^"),
        ("", "compilation failed: ERROR: <input>:1:0: Syntax error: mismatched input '<EOF>'"),
    ],
)
def test_what_selects_none(expression, said):
    (cause,) = device_causes("f", expression)
    assert said in cause.message
