"""A repair report in each form that a person or a program reads."""
