"""What a pod's containers find when they start: volumes, and devices of claims."""
