"""The built-in kinds have the types that their schemas say, and no fields beside."""

from __future__ import annotations

import pytest

from reconcile.api import kinds
from reconcile.model import cel
from reconcile.model.cel.kinds import type_of_kind


def errors(key, expression):
    cls = kinds.resource(key).object_class
    said = cel.compile_errors(expression, {"object": type_of_kind(cls, "K1")})
    return said.partition("\n")[0].partition(": ")[2].partition(": ")[2]


@pytest.mark.parametrize(
    ("key", "expression", "said"),
    [
        ("deployments.apps", "object.spec.replicas > 1 && object.metadata.labels.app == 'x'", ""),
        ("deployments.apps", "object.spec.strategy.rollingUpdate.maxSurge == 1", ""),
        ("deployments.apps", "object.replica > 1", "undefined field 'replica'"),
        ("deployments.apps", "has(object.spec.nope)", "undefined field 'nope'"),
        ("deployments.apps", "object.spec.?nope.hasValue()", "undefined field 'nope'"),
        (
            "deployments.apps",
            "object.spec.template.spec.containers.all(c, c.imag == 'x')",
            "undefined field 'imag'",
        ),
        (
            "deployments.apps",
            "object.spec.template.spec.volumes == [1]",
            "found no matching overload for '_==_' applied to '(list(K1.spec.template.spec.volumes.@idx), list(int))'",
        ),
        ("pods", "object.spec.containers[0].resources.limits['cpu'] == '1'", "undefined field 'limits'"),
        ("pods", "object.spec.volumes[0].emptyDir.sizeLimit == 1", "undefined field 'sizeLimit'"),
        (
            "pods",
            "object.metadata.creationTimestamp == 'a'",
            "found no matching overload for '_==_' applied to '(timestamp, string)'",
        ),
        ("pods", "object.metadata.namespace == object.metadata.__namespace__", ""),
        ("secrets", "object.data['a'] == 'b'", "found no matching overload for '_==_' applied to '(bytes, string)'"),
        ("controllerrevisions.apps", "object.data.x == 1", "undefined field 'x'"),
        (
            "customresourcedefinitions.apiextensions.k8s.io",
            "object.spec.versions[0].schema.openAPIV3Schema.items == 1",
            "undefined field 'items'",
        ),
        (
            "customresourcedefinitions.apiextensions.k8s.io",
            "object.spec.versions[0].schema.openAPIV3Schema.properties.x.type == 1",
            "undefined field 'type'",
        ),
        ("networkpolicies.networking.k8s.io", "object.spec.ingress[0].__from__ == 1", "undefined field '__from__'"),
        ("networkpolicies.networking.k8s.io", "object.spec.ingress[0].ports[0].port == 'http'", ""),
    ],
)
def test_expressions_fit_kinds_or_not(key, expression, said):
    assert errors(key, expression) == said


def test_every_kind_has_a_type():
    for resource in kinds.all_resources():
        assert type_of_kind(resource.object_class, resource.kind).fields, resource.key
