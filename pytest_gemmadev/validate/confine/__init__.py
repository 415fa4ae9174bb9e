"""Keeps what a run of a candidate does from reaching anything but the run's own places.

Standard library only: programs are confined under whatever interpreter runs them.
"""
