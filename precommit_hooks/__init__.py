"""The pre-commit hook and its command."""
