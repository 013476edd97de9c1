"""Small networks are as fast on one core, and tests share the cores."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def one_core() -> Iterator[None]:
    torch = pytest.importorskip("torch", reason="the extra 'neural' is not installed")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
