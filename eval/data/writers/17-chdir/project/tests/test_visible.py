from pathlib import Path

from gen.keys import write_keys


def test_keys(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert write_keys(["b", "a"]) == ["a.key", "b.key"]
    assert Path("b.key").read_text() == "1"
