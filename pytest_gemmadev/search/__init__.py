"""The search for a repair: localize, order, validate, judge, accept."""
