"""What a kubelet does for one container."""
