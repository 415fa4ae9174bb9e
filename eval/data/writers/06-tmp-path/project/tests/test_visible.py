from notes.files import append


def test_append(tmp_path):
    assert append(tmp_path / "a", "one") == 1
    assert append(tmp_path / "a", "two") == 2
