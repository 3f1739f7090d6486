"""
Priority and fairness: which requests are served before which, and how many of each kind at once.

Source:   https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
Left out: see docs/limits.md, "REST".
"""
