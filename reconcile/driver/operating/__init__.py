"""Operating: what those do who run a cluster, to its machines, its members of etcd and its connections."""
