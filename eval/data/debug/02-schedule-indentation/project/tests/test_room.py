from schedule.calendar import Room


def test_booking_twice_is_refused():
    room = Room()
    assert room.book("09:00", "10:00")
    assert not room.book("09:30", "10:30")
    assert room.book("10:00", "11:00")


def test_outside_the_hours():
    assert not Room().book("07:30", "08:30")
    assert not Room().book("17:30", "18:30")


def test_longest_gap():
    room = Room()
    room.book("09:00", "12:00")
    room.book("13:00", "14:00")
    assert room.longest_gap() == 240


def test_empty_room():
    assert Room("08:00", "09:30").longest_gap() == 90
