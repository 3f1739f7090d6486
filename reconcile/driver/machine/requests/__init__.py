"""What becomes of requests: they are planned by an API server, written to etcd, and answered."""
