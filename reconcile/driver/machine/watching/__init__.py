"""What is watched: what watches are told, and what the caches of API servers show."""
