"""
HTTP: a cluster served to any client of Kubernetes.

Bytes to REST values and back, TLS, streams; nothing here knows a kind.
"""
