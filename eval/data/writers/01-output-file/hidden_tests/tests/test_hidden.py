from sales.report import OUT, write_report


def test_empty():
    assert write_report([]) == OUT / "report.txt"
    assert (OUT / "report.txt").read_text() == "total: 0\n"
