"""The failing test that repairs itself, on your own machine.

pytest imports this package on every run, so it stays empty but for the version.
"""

__version__ = "0.1.0"
