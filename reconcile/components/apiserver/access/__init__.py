"""Access: who may do what. `authorising` asks, `roles` says what Kubernetes' own identities may."""
