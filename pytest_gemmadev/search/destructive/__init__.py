"""Which edits could destroy something: they are tried last and never written by themselves."""
