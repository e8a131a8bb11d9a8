# SPDX-License-Identifier: MIT
"""What commands take of the memory, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import sys
from fxtrain.cli import main
from fxtrain.memory import peak_memory_mib
try:
    sys.exit(main(sys.argv[1:]))
finally:
    print(f"\\n{peak_memory_mib()}")
"""


def peak_of_command(*arguments: object) -> float:
    """Greatest resident memory of ``fxtrain ARGUMENTS`` in MiB, whether it succeeds or says what is wrong."""
    command = [sys.executable, "-c", _SCRIPT, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 2), done.stderr
    return float(done.stdout.splitlines()[-1])
