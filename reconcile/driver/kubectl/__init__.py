"""
kubectl's conversations with the API server: what each of its commands asks, and what it prints.

A conversation (`Talk`) is a generator of requests: it yields one, is sent the answer, and ends with `Said`. Whoever
holds it decides how a request travels: `held` submits it and lets the cluster run until it is answered.

    cluster, said = held(cluster, drain("node-1", Drain(ignore_daemonsets=True)))
    print(*said.lines)

Source:   k8s.io/kubectl, pkg/cmd and pkg/drain, pkg/polymorphichelpers.
Left out: what waits (drain does not wait until the pods are gone), and strategic merge patches: each patch that kubectl
          computes is sent as the JSON merge patch that does the same.
"""

from reconcile.driver.kubectl.marks import annotate, label, patched
from reconcile.driver.kubectl.nodes import Drain, cordon, drain, taint, uncordon
from reconcile.driver.kubectl.rollouts import pause, restart, resume, set_image, undo
from reconcile.driver.kubectl.talk import Said, Talk, held, holding

__all__ = [
    "Drain",
    "Said",
    "Talk",
    "annotate",
    "cordon",
    "drain",
    "held",
    "holding",
    "label",
    "patched",
    "pause",
    "restart",
    "resume",
    "set_image",
    "taint",
    "uncordon",
    "undo",
]
