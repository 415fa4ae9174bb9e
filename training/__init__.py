"""Builds the GemmaDev model, run from a checkout."""
