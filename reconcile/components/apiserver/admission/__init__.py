"""
Admission: what the API server's plugins add to a request and whom they stop, a module a plugin.

First the plugins that change what is written (NamespaceLifecycle, LimitRanger, ServiceAccount, NodeRestriction,
TaintNodesByCondition, Priority, DefaultTolerationSeconds, StorageObjectInUseProtection, PodGroupProtection,
RuntimeClass, DefaultIngressClass, DefaultStorageClass, MutatingAdmissionPolicy, MutatingAdmissionWebhook), then, once
the object is valid, those that judge it
(LimitRanger, PodSecurity, Priority, PersistentVolumeClaimResize, the certificates' three, NodeDeclaredFeatureValidator,
PodGroupWorkloadExists, JobValidation, PodResizeValidator, ValidatingAdmissionPolicy, webhooks, ResourceQuota).

Source:   the admission plugins of these names, in kube-apiserver's recommended order.
Left out: see docs/limits.md, "API server".
"""

from reconcile.components.apiserver.admission.ingresses import admit_ingress
from reconcile.components.apiserver.admission.judging import Judged, carried, judged, mutated, mutates
from reconcile.components.apiserver.admission.lifecycle import admit_namespace, check_mortal
from reconcile.components.apiserver.admission.limits import ANNOTATION as LIMITED
from reconcile.components.apiserver.admission.nodes import restrict_node
from reconcile.components.apiserver.admission.podgroups import protect_group
from reconcile.components.apiserver.admission.pods import Admitted, admit_pod, with_keys
from reconcile.components.apiserver.admission.storage import admit_claim, protect
from reconcile.components.apiserver.admission.tainting import admit_node

__all__ = [
    "LIMITED",
    "Admitted",
    "Judged",
    "admit_claim",
    "admit_ingress",
    "admit_namespace",
    "admit_node",
    "admit_pod",
    "carried",
    "check_mortal",
    "judged",
    "mutated",
    "mutates",
    "protect",
    "protect_group",
    "restrict_node",
    "with_keys",
]
