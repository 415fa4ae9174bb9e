from pathlib import Path

PATH = Path("/tmp/gemmadev-eval-writers-beacon")


def beacon(number):
    """Leaves a number where other programs look for it; gives what they find."""
    PATH.write_text(str(number))
    return str(PATH.read_text())
