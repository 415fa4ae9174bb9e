"""Readings of a meter."""


class Meter:
    def __init__(self, number, readings=()):
        self.number = number
        self.readings = [reading for reading in readings]

    def read(self, value):
        if self.readings and value < self.readings[-1]:
            raise ValueError("a meter does not run backwards")
        self.readings.append(value)

    def used(self):
        """Units between the last two readings."""
        if len(self.readings) < 2:
            return 0
        return self.readings[-1] - self.readings[-2]
