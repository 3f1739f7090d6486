"""Access: who may do what. `authorising` asks the authorizers, `rbac` what is stored, `nodes` what a kubelet may."""
