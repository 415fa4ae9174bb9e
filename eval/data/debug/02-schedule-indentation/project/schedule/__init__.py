"""Meetings in a day."""
