"""Scripts: what users do and what fails during a run, and when, read from a file."""
