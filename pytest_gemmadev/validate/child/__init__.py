"""The side that runs: what happens inside the processes that run candidates."""
