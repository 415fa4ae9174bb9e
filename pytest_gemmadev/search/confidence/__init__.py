"""How likely a plausible patch is right, learned from patches that were executed against more tests."""
