"""What users call: the pytest session, the commands, the talk about a failure."""
