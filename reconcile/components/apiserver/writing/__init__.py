"""Writing: create, update, patch and delete, of objects and of their subresources."""
