"""API objects as frozen classes, the registry of resources, and the converter at the edge."""
