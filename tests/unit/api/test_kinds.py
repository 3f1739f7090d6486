import subprocess
import sys

import pytest

from reconcile.api import apps_v1, autoscaling_v1, autoscaling_v2, core_v1, kinds, meta_v1
from reconcile.lib.errors import ReconcileError


def test_keys_name_the_preferred_version():
    assert kinds.resource("pods").object_class is core_v1.Pod
    assert kinds.resource("deployments.apps").object_class is apps_v1.Deployment
    assert kinds.resource("horizontalpodautoscalers.autoscaling").object_class is autoscaling_v2.HorizontalPodAutoscaler
    older = kinds.resource_for("autoscaling/v1", "HorizontalPodAutoscaler")
    assert older.object_class is autoscaling_v1.HorizontalPodAutoscaler


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("po", "pods"),
        ("Pod", "pods"),
        ("PODS", "pods"),
        ("pods.v1", "pods"),
        ("deploy", "deployments.apps"),
        ("deployment.apps", "deployments.apps"),
        ("deployments.v1.apps", "deployments.apps"),
        ("events", "events"),
        ("events.events.k8s.io", "events.events.k8s.io"),
        ("hpa", "horizontalpodautoscalers.autoscaling"),
        ("netpol", "networkpolicies.networking.k8s.io"),
        ("endpoints", "endpoints"),
        ("crds", "customresourcedefinitions.apiextensions.k8s.io"),
    ],
)
def test_words_are_what_kubectl_takes_them_for(word, key):
    assert kinds.resource_named(word).key == key


def test_a_version_in_a_word_is_minded():
    assert kinds.resource_named("hpa").version == "v2"
    assert kinds.resource_named("hpa.v1.autoscaling").version == "v1"


@pytest.mark.parametrize(
    ("ask", "near"),
    [
        (lambda: kinds.resource("pod"), "'pod'; near: pods"),
        (lambda: kinds.resource_named("deploymens"), "near: deployments"),
        (lambda: kinds.resource_for("v1", "Deployment"), "Deployment of apps/v1"),
        (lambda: kinds.resource_of(1), "int is not the kind of a resource"),
    ],
)
def test_unknown_names_are_refused_with_what_is_near(ask, near):
    with pytest.raises(ReconcileError, match=near):
        ask()


def test_facts():
    pods = kinds.resource("pods")
    assert (pods.api_version, pods.path, pods.namespaced, pods.categories) == ("v1", "/api/v1", True, ("all",))
    assert {"status", "binding", "eviction", "ephemeralcontainers", "log", "resize"} <= set(pods.subresources)
    assert pods.list_class is core_v1.PodList
    assert kinds.resource("namespaces").subresources == ("finalize", "status")
    assert "deletecollection" not in kinds.resource("namespaces").verbs
    assert kinds.resource("bindings").verbs == ("create",)
    assert kinds.resource("deployments.apps").path == "/apis/apps/v1"
    assert kinds.resource_of(core_v1.Pod()) is pods
    assert kinds.class_for("policy/v1", "Eviction").__name__ == "Eviction"
    assert kinds.class_for("apps/v1", "DeleteOptions") is meta_v1.DeleteOptions
    assert kinds.class_for("apps/v1", "Pod") is None


def test_no_name_means_two_resources_of_a_group_version():
    for resource in kinds.all_resources():
        word = f"{resource.plural}.{resource.version}.{resource.group}".rstrip(".")
        assert kinds.resource_named(word) is resource
        assert kinds.resource_for(resource.api_version, resource.kind) is resource
        assert resource.object_class(**_required(resource.object_class)).kind == resource.kind


def _required(cls):
    import attrs

    return {field.name: None for field in attrs.fields(cls) if field.default is attrs.NOTHING}


def test_merge_rules_are_told_by_json_name():
    rules = kinds.list_rules(core_v1.PodSpec)
    assert rules["containers"] == kinds.ListRule(
        type="map", map_keys=("name",), patch_strategy="merge", patch_merge_key="name"
    )
    assert kinds.list_rules(core_v1.ServiceSpec)["ports"].map_keys == ("port", "protocol")
    assert kinds.list_rules(meta_v1.ObjectMeta)["finalizers"].type == "set"


def test_modules_of_classes_are_imported_when_asked_for():
    script = "import sys, reconcile.api.kinds; print(sorted(m for m in sys.modules if 'core_v1' in m))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
