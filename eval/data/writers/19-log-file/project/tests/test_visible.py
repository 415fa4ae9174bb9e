from jobs.runner import LOG, run


def bad():
    raise ValueError("no paper")


def test_run():
    assert run([("a", int), ("b", bad)]) == 1
    assert LOG.read_text() == "a: done\nb: no paper\n"
