import subprocess
import sys
from pathlib import Path

from calc.__main__ import main

ROOT = Path(__file__).resolve().parents[1]


def test_sum(capsys):
    assert main(["1", "2"]) == 0
    assert capsys.readouterr().out == "3\n"


def test_program():
    done = subprocess.run([sys.executable, "-m", "calc", "4", "5"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "9\n"
