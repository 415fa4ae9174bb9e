"""Validation where there are no tests: a user's program, run again with the same input."""
