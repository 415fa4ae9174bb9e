"""What all tests share."""

from __future__ import annotations

import signal
import threading

pytest_plugins = ["pytester"]

# A shell without job control has what it starts in the background ignore Ctrl-C, and children inherit that.
_IS_IGNORED = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
if _IS_IGNORED and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
