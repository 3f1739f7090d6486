"""The Cluster value: its topology, its processes, and who hears what."""

from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology

__all__ = ["Cluster", "Topology"]
