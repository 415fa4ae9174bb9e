"""Run in the sandbox: one sample through the repair loop. Prints what it left of the sample.

``python -I debug_sample.py ROOT REQUEST-AS-BASE64``: the request is JSON with the files to lay out in the
working folder, the file to print afterwards, and the argv of pytest. The last line of the output is
that file as base64.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path


def main() -> int:
    root, request = sys.argv[1], json.loads(base64.b64decode(sys.argv[2]))
    sys.path.insert(0, root)  # isolated: neither this folder nor the variables of the user
    from eval.bench.check_sample import end_when_crowded

    for name, text in request["files"].items():
        Path(name).write_text(text, encoding="utf-8", errors="surrogatepass")
    end_when_crowded()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *request["argv"]],
        env={**os.environ, "PYTHONPATH": root},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    print()
    print(base64.b64encode(Path(request["answer"]).read_bytes()).decode())
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
