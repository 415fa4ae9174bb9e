"""Bookings of a room."""

from schedule.slots import free, overlaps, parse


class Room:
    def __init__(self, opens="08:00", closes="18:00"):
        self.opens = parse(opens)
        self.closes = parse(closes)
        self.bookings = []

    def book(self, start, end):
        """True when the room was free then and is booked now."""
        wanted = (parse(start), parse(end))
        if wanted[0] < self.opens or wanted[1] > self.closes:
            return False
        for booking in self.bookings:
            if overlaps(booking, wanted):
                return False
        self.bookings.append(wanted)
        return True

    def longest_gap(self):
        """Minutes of the longest time that is free."""
        gaps = free(self.bookings, self.opens, self.closes)
        return max((end - start for start, end in gaps), default=0)
