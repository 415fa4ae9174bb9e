from notes.files import append


def test_text(tmp_path):
    append(tmp_path / "a", "x")
    append(tmp_path / "a", "y")
    assert (tmp_path / "a").read_text() == "x\ny\n"
