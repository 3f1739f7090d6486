"""
PodSecurity: what the Pod Security Standards of a namespace's labels let its pods do.

Takes:    a namespace's labels; a pod's metadata and specification, or those of a workload's template.
Gives:    what a pod violates, warnings.
Source:   https://kubernetes.io/docs/concepts/security/pod-security-standards/; the admission plugin of this name.
Left out: audit annotations: there is no audit log.
"""

from reconcile.components.apiserver.admission.security.judging import judge_namespace, judge_pod, judge_workload

__all__ = ["judge_namespace", "judge_pod", "judge_workload"]
