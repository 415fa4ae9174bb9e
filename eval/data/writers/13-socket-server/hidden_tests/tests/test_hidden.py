from chat.echo import shout


def test_shout():
    assert shout(b" a b ") == b"A B\n"
