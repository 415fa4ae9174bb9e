from calc.__main__ import main


def test_none(capsys):
    assert main([]) == 0
    assert capsys.readouterr().out == "0\n"
