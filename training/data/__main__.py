"""``python -m training.data``."""

from __future__ import annotations

import sys

from training.data.command import main

if __name__ == "__main__":
    sys.exit(main())
