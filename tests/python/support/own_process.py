# SPDX-License-Identifier: MIT
"""Calls a function in a process of its own: hosts of plugins may crash, and some live once per process."""

from __future__ import annotations

import importlib.util
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

TIMEOUT = 300


class ProcessFailed(AssertionError):
    """It crashed, raised an error or took too long; the message has all that it said."""

    def __init__(self, what: str, returncode: int | None, output: str) -> None:
        super().__init__(f"{what}: {returncode}\n{output}")
        self.returncode = returncode
        self.output = output


def call(
    function: Callable[..., Any], *args: Any, environment: Mapping[str, str] | None = None, timeout: float = TIMEOUT
) -> Any:
    """The result of ``function(*args)``, with ``environment`` in place of this process's.

    The function is looked up by its name in the file it is defined in; arguments and result are pickled.

    Raises:
        ProcessFailed: anything but a result and exit code 0, also at the end of the process.
    """
    with tempfile.TemporaryDirectory() as folder:
        job, answer = Path(folder, "job"), Path(folder, "answer")
        job.write_bytes(pickle.dumps((function.__code__.co_filename, function.__name__, args)))
        try:
            done = subprocess.run(
                [sys.executable, __file__, job, answer],
                env=dict(os.environ if environment is None else environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            output = error.stdout or b""
            raise ProcessFailed(f"{function.__name__} took more than {timeout} s", None, str(output)) from None
        if done.returncode != 0:
            raise ProcessFailed(f"{function.__name__} ended with", done.returncode, done.stdout)
        return pickle.loads(answer.read_bytes())


def _main(job: Path, answer: Path) -> None:
    file, name, args = pickle.loads(job.read_bytes())
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    answer.write_bytes(pickle.dumps(getattr(module, name)(*args)))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), Path(sys.argv[2]))
