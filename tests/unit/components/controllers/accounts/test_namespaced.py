"""What every namespace has: its account and its certificate."""

from __future__ import annotations

import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers.accounts import rootca, serviceaccount
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.certificates import AUTHORITY
from reconcile.model.requests import Response
from tests.unit.components.controllers.lab import Lab

HAD = [(serviceaccount.CONTROLLER, "serviceaccounts", "default"), (rootca.CONTROLLER, "configmaps", "kube-root-ca.crt")]


def namespace(name="default", phase="Active"):
    return core_v1.Namespace(metadata=meta_v1.ObjectMeta(name=name), status=core_v1.NamespaceStatus(phase=phase))


@pytest.mark.parametrize(("controller", "resource", "name"), HAD)
def test_a_namespace_gets_it_and_gets_it_again(controller, resource, name):
    lab = Lab(controller)
    lab.put("namespaces", namespace())
    lab.run()
    assert lab.keys(resource) == (f"default/{name}",)
    lab.remove(resource, f"default/{name}")
    lab.run()
    assert lab.keys(resource) == (f"default/{name}",)
    assert lab.writes() == [f"create {resource}"] * 2


@pytest.mark.parametrize(("controller", "resource", "name"), HAD)
def test_what_is_refused_is_tried_again(controller, resource, name):
    lab = Lab(controller)
    lab.refusals = [Response(500, statuses.internal("no"))]
    lab.put("namespaces", namespace())
    lab.run(SECOND)
    assert lab.keys(resource) == (f"default/{name}",)


def test_a_namespace_that_goes_gets_no_account():
    lab = Lab(serviceaccount.CONTROLLER)
    lab.put("namespaces", namespace(phase="Terminating"))
    lab.run()
    assert lab.requests == []


def test_a_certificate_that_was_changed_is_mended():
    lab = Lab(rootca.CONTROLLER)
    lab.put("namespaces", namespace())
    lab.run()
    found = lab.get("configmaps", "default/kube-root-ca.crt")
    assert found.metadata.annotations["kubernetes.io/description"].startswith("Contains a CA bundle")
    lab.put("configmaps", replace(found, data=Map({"ca.crt": "mine"})))
    lab.run()
    assert lab.get("configmaps", "default/kube-root-ca.crt").data["ca.crt"] == AUTHORITY
