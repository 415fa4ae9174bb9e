"""What the model reads and how its answers are read; training uses the same, to the byte."""
