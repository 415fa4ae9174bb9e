"""Local language models behind one small protocol (`types.Model`)."""
