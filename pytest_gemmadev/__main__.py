"""``python -m pytest_gemmadev``: the command ``gemmadev``."""

import sys

from pytest_gemmadev.doors.cli import main

sys.exit(main())
