"""A controller that keeps a ConfigMap beside each Deployment, of the images that it runs."""

from reconcile import create, patch
from reconcile.components.controllers import Ask, Controller, Outcome, Source, keys_of_itself
from reconcile.model.requests import split_key


def reconcile(ask: Ask) -> Outcome:
    """Bring one Deployment's ConfigMap up to date."""
    deployment = ask.views.get("deployments.apps", ask.key)
    if deployment is None or deployment.metadata.deletion_timestamp is not None:
        return Outcome()
    namespace, name = split_key(ask.key)
    images = {each.name: each.image for each in deployment.spec.template.spec.containers}
    meta = {"name": f"{name}-images", "namespace": namespace}
    found = ask.views.get("configmaps", f"{namespace}/{name}-images")
    if found is None:
        return Outcome(calls=(create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": images}),))
    if dict(found.data or {}) != images:
        return Outcome(calls=(patch("configmaps", meta["name"], {"data": images}, namespace=namespace),))
    return Outcome()


noter = Controller(
    name="image-noter",
    sources=(Source("deployments.apps", keys_of_itself), Source("configmaps", lambda _, __: ())),
    reconcile=reconcile,
)
