"""Local language models behind one small protocol (`core.types.Model`)."""
