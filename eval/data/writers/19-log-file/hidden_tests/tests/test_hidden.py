from jobs.runner import LOG, run


def test_none():
    assert run([]) == 0
    assert LOG.read_text() == ""
