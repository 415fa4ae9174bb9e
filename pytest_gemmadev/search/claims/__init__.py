"""What code states of itself, in docstrings and annotations, and whether it holds."""
