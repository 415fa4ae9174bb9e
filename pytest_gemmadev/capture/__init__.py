"""From a live exception in pytest to an error stack of plain built-ins."""
