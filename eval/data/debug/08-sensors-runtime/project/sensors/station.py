"""A station with several sensors."""

from sensors.series import jumps, mean, peaks


class Station:
    def __init__(self):
        self.values = {}

    def add(self, sensor, value):
        self.values.setdefault(sensor, []).append(value)

    def summary(self, sensor):
        """Mean, number of peaks and of jumps over 10."""
        values = self.values.get(sensor, [])
        return mean(values), len(peaks(values)), len(jumps(values, 10))

    def coldest(self):
        """The sensor with the lowest mean."""
        return min(self.values, key=lambda name: mean(self.values[name]))
