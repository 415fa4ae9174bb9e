from site_maker.pages import SITE, main


def test_no_items():
    main(["Hi"])
    assert (SITE / "index.html").read_text() == "<h1>Hi</h1>\n"
