"""CustomResourceDefinitions: defaults, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from reconcile.api import convert
from reconcile.components.apiserver.registry.defaults import defaulted
from reconcile.components.apiserver.registry.validation import object_causes
from reconcile.model.definitions import DEFINITIONS


def definition(
    schema: Any = None, name: str = "things.example.com", version: Any = None, **spec: Any
) -> dict[str, Any]:
    first = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema or {"type": "object"}},
        **(version or {}),
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [first],
            **spec,
        },
    }


def told(body: dict[str, Any]) -> list[tuple[str | None, str | None]]:
    obj = defaulted(DEFINITIONS, convert.load(body).object)
    return [(cause.field, cause.message) for cause in object_causes(DEFINITIONS, obj)]


def of_spec(properties: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": properties, **more}}}


HEAD = "spec.validation.openAPIV3Schema"
A = f"{HEAD}.properties[spec].properties[a]"


def test_defaults() -> None:
    crd = defaulted(DEFINITIONS, convert.load(definition()).object)
    assert (crd.spec.names.singular, crd.spec.names.list_kind) == ("thing", "ThingList")
    assert crd.spec.conversion.strategy == "None"
    assert crd.status.stored_versions == ("v1",)
    assert told(definition()) == []


@pytest.mark.parametrize(
    ("body", "causes"),
    [
        (
            definition(name="things.nodots", group="nodots"),
            [("spec.group", 'Invalid value: "nodots": should be a domain with at least one dot')],
        ),
        (
            definition(scope="Galaxy"),
            [("spec.scope", 'Unsupported value: "Galaxy": supported values: "Cluster", "Namespaced"')],
        ),
        (definition(version={"schema": None}), [("spec.versions[0].schema.openAPIV3Schema", "Required value")]),
        (
            definition(version={"storage": False}),
            [
                (
                    "spec.versions",
                    (
                        'Invalid value: [{"Name":"v1","Served":true,"Storage":false,"Deprecated":false,'
                        '"DeprecationWarning":null,"Schema":null,"Subresources":null,"AdditionalPrinterColumns":null,'
                        '"SelectableFields":null}]: must have exactly one version marked as storage version'
                    ),
                ),
                ("status.storedVersions", "Invalid value: null: must have at least one stored version"),
            ],
        ),
        (
            definition(
                version={"subresources": {"scale": {"specReplicasPath": ".status.x", "statusReplicasPath": ".spec.x"}}}
            ),
            [
                (
                    "spec.subresources.scale.specReplicasPath",
                    'Invalid value: ".status.x": should be a json path under .spec',
                ),
                (
                    "spec.subresources.scale.statusReplicasPath",
                    'Invalid value: ".spec.x": should be a json path under .status',
                ),
            ],
        ),
        (
            definition(version={"selectableFields": [{"jsonPath": ".spec.color"}]}),
            [
                (
                    "spec.selectableFields[0].jsonPath",
                    'Invalid value: ".spec.color": is an invalid path: does not refer to a valid field',
                )
            ],
        ),
        (
            definition(conversion={"strategy": "Webhook"}),
            [
                ("spec.conversion.webhookClientConfig", "Required value: required when strategy is set to Webhook"),
                ("spec.conversion.conversionReviewVersions", "Required value"),
            ],
        ),
        (
            definition(name="things.x.k8s.io", group="x.k8s.io"),
            [
                (
                    "metadata.annotations[api-approved.kubernetes.io]",
                    (
                        'Required value: protected groups must have approval annotation "api-approved.kubernetes.io",'
                        " see https://github.com/kubernetes/enhancements/pull/1111"
                    ),
                )
            ],
        ),
    ],
)
def test_specs(body: dict[str, Any], causes: list[tuple[str, str]]) -> None:
    assert told(body) == causes


@pytest.mark.parametrize(
    ("schema", "field", "message"),
    [
        (of_spec({"a": {}}), f"{A}.type", "Required value: must not be empty for specified object fields"),
        (of_spec({"a": {"type": "array"}}), f"{A}.items", "Required value: must be specified"),
        (
            of_spec({"a": {"type": "text"}}),
            f"{A}.type",
            'Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"',
        ),
        (of_spec({"a": {"$ref": "#/x"}}), f"{A}.$ref", "Forbidden: $ref is not supported"),
        (
            of_spec({"a": {"type": "string", "pattern": "("}}),
            f"{A}.pattern",
            (
                'Invalid value: "(": must be a valid regular expression, but isn\'t: error parsing regexp:'
                " missing closing ): `(`"
            ),
        ),
        (
            of_spec({"a": {"type": "string", "anyOf": [{"description": "x"}]}}),
            f"{A}.anyOf[0].description",
            "Forbidden: must be empty to be structural",
        ),
        (
            {"type": "object", "anyOf": [{"properties": {"b": {"minimum": 1}}}]},
            f"{HEAD}.properties[b]",
            f"Required value: because it is defined in {HEAD}.anyOf[0].properties[b]",
        ),
        (
            of_spec({"a": {"type": "array", "x-kubernetes-list-type": "map", "items": {"type": "object"}}}),
            f"{A}.x-kubernetes-list-map-keys",
            "Required value: must not be empty if x-kubernetes-list-type is map",
        ),
        (
            of_spec({"a": {"type": "integer", "default": "x"}}),
            f"{A}.default",
            'Invalid value: "string":  in body must be of type integer: "string"',
        ),
        (
            {"type": "object", "$schema": "http://x"},
            HEAD,
            "Invalid value: \"\": OpenAPIV3Schema 'schema' is not supported",
        ),
        (
            of_spec({}, **{"x-kubernetes-validations": [{"rule": "self.nope == 1"}]}),
            f"{HEAD}.properties[spec].x-kubernetes-validations[0].rule",
            (
                'Invalid value: {"Rule":"self.nope == 1","Message":"","MessageExpression":"","Reason":null,'
                '"FieldPath":"","OptionalOldSelf":null}: compilation failed: ERROR: <input>:1:5: undefined field'
                " 'nope'\n | self.nope == 1\n | ....^"
            ),
        ),
        (
            of_spec(
                {
                    "a": {
                        "type": "array",
                        "items": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]},
                    }
                }
            ),
            f"{A}.items.x-kubernetes-validations[0].rule",
            (
                'Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema'
                f" within {A}"
            ),
        ),
        (
            of_spec({}, **{"x-kubernetes-validations": [{"rule": "1"}]}),
            f"{HEAD}.properties[spec].x-kubernetes-validations[0].rule",
            (
                'Invalid value: {"Rule":"1","Message":"","MessageExpression":"","Reason":null,"FieldPath":"",'
                '"OptionalOldSelf":null}: cel expression must evaluate to a bool'
            ),
        ),
    ],
)
def test_schemas(schema: Any, field: str, message: str) -> None:
    assert told(definition(schema))[0] == (field, message)
