"""Whether a failing test's expectation is likelier wrong than the code."""
