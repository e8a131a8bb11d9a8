# SPDX-License-Identifier: MIT
"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Recordings and model files of others, kept beside the repository; tests that need them skip without."""
    path = Path(os.environ.get("FXTRAIN_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"recordings are not at hand: {path} does not exist (set FXTRAIN_SHARED_DATA)")
    return path
