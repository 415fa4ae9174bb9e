"""Repair cases: read from disk, built from released packages, made by breaking sound files, run."""
