"""Pods: what a pod's specification asks for, and what follows from it."""
