from sales.report import write_report


def test_report():
    path = write_report([("a", 2), ("b", 3)])
    assert path.read_text().splitlines() == ["a: 2", "b: 3", "total: 5"]
