import sys
from pathlib import Path

SITE = Path(__file__).resolve().parents[1] / "site"


def render(title, items):
    """A page of a title and a list."""
    lines = [f"<li>{item}</li>" for item in items]
    return "\n".join([f"<h1>{title}</h1>", *lines]) + "\n"


def main(words):
    """Writes site/index.html."""
    SITE.mkdir(exist_ok=True)
    (SITE / "index.html").write_text(render(words[0], words[0:]))


if __name__ == "__main__":
    main(sys.argv[1:])
