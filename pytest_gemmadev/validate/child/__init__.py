"""The side that runs: what happens inside the processes in which candidates are tried."""
