"""
Swagger: version 2 of OpenAPI, all groups in one document, made of the documents of version 3.

Source:   https://swagger.io/specification/v2/; what kube-apiserver serves at /openapi/v2.
Left out: descriptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def swagger_of(
    documents: Iterable[Mapping[str, Any]], custom: Iterable[Mapping[str, Any]], version: str
) -> dict[str, Any]:
    """Give one document of version 2 for *documents* of version 3, and for those of custom resources."""
    paths: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    takes = [(document, ["*/*"]) for document in documents]
    takes += [(document, ["application/json", "application/yaml"]) for document in custom]
    for document, consumes in takes:
        for name, schema in document["components"].get("schemas", {}).items():
            definitions[name] = _merged(definitions.get(name), _schema(schema))
        for path, item in document["paths"].items():
            paths[path] = {
                method: _operation(each, consumes) for method, each in item.items() if method != "parameters"
            }
            if "parameters" in item:
                paths[path]["parameters"] = [_parameter(each) for each in item["parameters"]]
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": version},
        "paths": dict(sorted(paths.items())),
        "definitions": dict(sorted(definitions.items())),
        "securityDefinitions": {"BearerToken": {"type": "apiKey", "name": "authorization", "in": "header"}},
        "security": [{"BearerToken": []}],
    }


def _schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Give a schema of version 2: no `allOf` around a reference, no variants, references to definitions."""
    found: dict[str, Any] = {}
    for key, value in schema.items():
        match key:
            case "$ref":
                found["$ref"] = _reference(value)
            case "allOf":
                found["$ref"] = _reference(value[0]["$ref"])
            case "oneOf":
                found["type"] = "string"
            case "properties":
                found[key] = {name: _schema(each) for name, each in value.items()}
            case "items" | "additionalProperties":
                found[key] = _schema(value) if isinstance(value, Mapping) else value
            case _ if key != "default":
                found[key] = value
    return found


def _merged(old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """Put the kinds together that documents of several groups give one schema."""
    key = "x-kubernetes-group-version-kind"
    if old is None or key not in new:
        return new
    return {**new, key: [*old.get(key, ()), *[row for row in new[key] if row not in old.get(key, ())]]}


def _operation(operation: Mapping[str, Any], consumes: list[str]) -> dict[str, Any]:
    parameters = [_parameter(each) for each in operation.get("parameters", ())]
    found = {key: operation[key] for key in operation if key not in ("parameters", "requestBody", "responses")}
    found["consumes"] = consumes
    body = operation.get("requestBody")
    if body is not None:
        schema = next(iter(body["content"].values()))["schema"]
        own = {"in": "body", "name": "body", "schema": _schema(schema)}
        parameters.insert(0, {**own, "required": True} if body.get("required") else own)
        found["consumes"] = list(body["content"])
    if parameters:
        found["parameters"] = parameters
    produced: dict[str, None] = {}
    responses = {}
    for code, response in operation["responses"].items():
        content = response.get("content", {})
        produced |= dict.fromkeys(content)
        schemas = [each["schema"] for each in content.values()]
        responses[code] = {"description": response["description"]} | (
            {"schema": _schema(schemas[0])} if schemas else {}
        )
    return {**found, "produces": list(produced), "responses": responses, "schemes": ["https"]}


def _parameter(parameter: Mapping[str, Any]) -> dict[str, Any]:
    return {**{key: value for key, value in parameter.items() if key != "schema"}, **parameter["schema"]}


def _reference(text: str) -> str:
    return text.replace("#/components/schemas/", "#/definitions/")
