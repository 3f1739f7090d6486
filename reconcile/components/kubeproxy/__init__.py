"""
kube-proxy: makes a node send packets for services to their endpoints.

`step` turns services and endpoint slices into a `RuleSet`; `iptables` prints one as iptables-save does; `route` takes a
packet through one.
"""

from reconcile.components.kubeproxy.chains import RuleSet, tables_of
from reconcile.components.kubeproxy.packets import Packet, Recent, Verdict, route
from reconcile.components.kubeproxy.printing import iptables
from reconcile.components.kubeproxy.proxy import State, begin, rules_of, step, watches
from reconcile.components.kubeproxy.rules import Tables

__all__ = [
    "Packet",
    "Recent",
    "RuleSet",
    "State",
    "Tables",
    "Verdict",
    "begin",
    "iptables",
    "route",
    "rules_of",
    "step",
    "tables_of",
    "watches",
]
