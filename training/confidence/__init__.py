"""How the probability of a plausible patch is learned, and when a test is suspected instead."""
