"""Edits said as data."""
