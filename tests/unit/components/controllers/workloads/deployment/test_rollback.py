"""A Deployment that is asked by an annotation to be what it was."""

from reconcile.components.controllers.workloads import deployment as deployments
from reconcile.components.controllers.workloads import replicaset
from reconcile.components.controllers.workloads.deployment.rollback import ROLLBACK_TO
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from tests.unit.components.controllers import objects
from tests.unit.components.controllers.toy_server import ToyCluster

KEY = "default/web"
RESOURCE = "deployments.apps"


def found(toy):
    return toy.store.get(RESOURCE, KEY)


def cluster(*images):
    """Give a cluster whose Deployment had these images, one after the other."""
    toy = ToyCluster((deployments.CONTROLLER, replicaset.CONTROLLER))
    toy.put(RESOURCE, objects.deployment(1))
    toy.settle()
    for image in images:
        template = found(toy).spec.template
        container = replace(template.spec.containers[0], image=image)
        template = replace(template, spec=replace(template.spec, containers=(container,)))
        toy.put(RESOURCE, objects.changed(found(toy), template=template))
        toy.settle()
    return toy


def asked(toy, revision, **spec):
    """Ask for a revision; give the image that it has then, and what was told."""
    own = found(toy)
    annotations = Map({**(own.metadata.annotations or {}), ROLLBACK_TO: revision})
    toy.records.clear()
    metadata = replace(own.metadata, annotations=annotations)
    toy.put(RESOURCE, replace(own, metadata=metadata, spec=replace(own.spec, **spec)))
    toy.settle()
    told = [(record.type, record.reason, record.message) for record in toy.records if "Rollback" in record.reason]
    return found(toy).spec.template.spec.containers[0].image, told


def test_it_goes_back_to_the_revision_before_or_to_one_that_is_named():
    toy = cluster("two", "three")
    assert asked(toy, "1") == (
        objects.deployment(1).spec.template.spec.containers[0].image,
        [("Normal", "DeploymentRollback", 'Rolled back deployment "web" to revision 1')],
    )
    assert ROLLBACK_TO not in found(toy).metadata.annotations
    assert "pod-template-hash" not in found(toy).spec.template.metadata.labels
    image, told = asked(toy, "0")
    assert (image, told[0][2]) == ("three", 'Rolled back deployment "web" to revision 3')


def test_what_cannot_be_gone_back_to_is_told():
    toy = cluster()
    missing = "DeploymentRollbackRevisionNotFound"
    assert asked(toy, "0")[1] == [("Warning", missing, "Unable to find last revision.")]
    assert asked(toy, "9")[1] == [("Warning", missing, "Unable to find the revision to rollback to.")]
    said = 'The rollback revision contains the same template as current deployment "web"'
    assert asked(toy, "1")[1] == [("Warning", "DeploymentRollbackTemplateUnchanged", said)]
    assert ROLLBACK_TO not in found(toy).metadata.annotations


def test_a_paused_one_waits():
    toy = cluster("two")
    image, told = asked(toy, "1", paused=True)
    assert (image, told) == ("two", [])
    assert found(toy).metadata.annotations[ROLLBACK_TO] == "1"
