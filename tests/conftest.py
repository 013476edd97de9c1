"""What every test may use."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of real recordings and templates, named by SAMPLES_DIR."""
    folder = os.environ.get("SAMPLES_DIR", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SAMPLES_DIR does not name the folder of real samples")
    return Path(folder)
