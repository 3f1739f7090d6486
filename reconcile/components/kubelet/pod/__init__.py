"""What a kubelet does for a pod as a whole."""
