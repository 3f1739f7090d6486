"""What helps to test with this library: Hypothesis strategies and a pytest plugin."""
