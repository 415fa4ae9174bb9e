"""The pre-commit hook: files that do not compile are repaired, or a patch for them is proposed."""
