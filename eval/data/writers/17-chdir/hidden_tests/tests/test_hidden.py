import os

from gen.keys import write_keys


def test_second(tmp_path):
    old = os.getcwd()
    os.chdir(tmp_path)
    try:
        write_keys(["a", "b"])
        assert (tmp_path / "b.key").read_text() == "2"
    finally:
        os.chdir(old)
