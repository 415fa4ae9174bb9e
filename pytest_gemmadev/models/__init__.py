"""Language models of every kind, each an implementation of `types.Model`."""
