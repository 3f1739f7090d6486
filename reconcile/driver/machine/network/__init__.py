"""Who reaches whom: hosts, API servers and their balancer, and how long what is sent is under way."""
