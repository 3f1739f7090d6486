"""The only layer that reads or writes anything outside the process."""
