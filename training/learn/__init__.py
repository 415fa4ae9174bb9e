"""Trainers, losses and tokens: from prepared examples to the weights of an adapter."""
