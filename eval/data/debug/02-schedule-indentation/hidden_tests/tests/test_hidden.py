from schedule.calendar import Room
from schedule.slots import free


def test_nested_meetings():
    assert free([(10, 50), (20, 30)], 0, 60) == [(0, 10), (50, 60)]


def test_busy_all_day():
    assert free([(0, 30), (30, 60)], 0, 60) == []


def test_a_refused_booking_takes_no_time():
    room = Room("08:00", "10:00")
    assert room.book("08:00", "09:00")
    assert not room.book("08:30", "09:30")
    assert room.longest_gap() == 60
    assert room.book("09:00", "10:00")
    assert room.longest_gap() == 0
