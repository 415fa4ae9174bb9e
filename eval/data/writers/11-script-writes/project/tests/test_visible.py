import subprocess
import sys
from pathlib import Path

from site_maker.pages import SITE, main, render

SCRIPT = Path(__file__).resolve().parents[1] / "site_maker" / "pages.py"


def test_script():
    subprocess.run([sys.executable, str(SCRIPT), "Hi", "a"], check=True)
    assert (SITE / "index.html").read_text() == render("Hi", ["a"])


def test_main():
    main(["Hi", "a"])
    assert (SITE / "index.html").read_text() == "<h1>Hi</h1>\n<li>a</li>\n"
