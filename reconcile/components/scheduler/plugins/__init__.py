"""What Kubernetes' default plugins decide: a module a plugin, named as upstream names them."""
