"""Reading: get, list and watch."""
