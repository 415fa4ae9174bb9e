"""The user's files: what may be read and written, the one way to write, and how a write is undone."""
