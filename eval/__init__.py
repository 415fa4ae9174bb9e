"""Benchmarks of the repair loop and the model, run from a checkout."""
