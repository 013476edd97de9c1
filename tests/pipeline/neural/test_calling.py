"""How networks are called: with inputs of one kind, fewer rows where the memory does not suffice."""

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra 'neural' is not installed")
pytest.importorskip("diffusers", reason="the extra 'neural' is not installed")

from pipeline.engines.neural.calling import FixedCall
from pipeline.engines.neural.place import Place


class LikeGpu(Place):
    """The processor, used as a GPU is."""

    @property
    def on_gpu(self) -> bool:
        return True

    def move(self, values: Any) -> Any:
        return values


@pytest.fixture
def gpu() -> Place:
    return LikeGpu(torch.device("cpu"), torch.float32)


class Network(torch.nn.Module):
    """A convolution that remembers how its pictures lay."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(4, 4, 3, padding=1)
        self.requires_grad_(requires_grad=False)

    def forward(self, pictures: Any, shift: Any) -> Any:
        return self.conv(pictures) + shift[:, :, None, None]


def inputs(rows: int) -> tuple[Any, Any]:
    draw = torch.Generator().manual_seed(rows)
    return torch.randn(rows, 4, 8, 8, generator=draw), torch.randn(rows, 4, generator=draw)


def test_a_network_is_compiled_once_however_short_a_call_is(
    gpu: Place, monkeypatch: pytest.MonkeyPatch
):
    compiled: list[int] = []

    def counting(graph: Any, _inputs: Any) -> Any:
        compiled.append(len(graph.graph.nodes))
        return graph.forward

    real = torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda f, dynamic, **_how: real(f, dynamic=dynamic, backend=counting)
    )
    network = Network()
    gpu.settle(network)
    call = FixedCall(network, gpu, 4, "compile")

    for rows in (4, 2, 1, 3, 9, 4):
        made = torch.cat(call.run(*inputs(rows)))
        with torch.inference_mode():
            assert torch.allclose(made, network(*inputs(rows)), atol=1e-6)

    assert call.notes == []
    assert len(compiled) == 1


def test_pictures_lie_channels_last_on_a_gpu_in_full_and_in_short_calls(gpu: Place):
    lay: list[bool] = []

    def network(pictures: Any) -> Any:
        lay.append(pictures.is_contiguous(memory_format=torch.channels_last))
        return pictures * 2

    call = FixedCall(network, gpu, 4)
    call.run(inputs(4)[0])
    call.run(inputs(2)[0])

    assert lay == [True, True]


def test_numbers_are_brought_in_the_type_of_the_place_and_pictures_of_8_bits_as_they_are():
    seen: list[Any] = []
    call = FixedCall(
        lambda a, b: seen.append((a.dtype, b.dtype)) or a + b,
        Place(torch.device("cpu"), torch.bfloat16),
        2,
    )

    call.run(torch.zeros(2), torch.zeros(2, dtype=torch.uint8))

    assert seen == [(torch.bfloat16, torch.uint8)]


def test_a_full_and_a_short_call_are_rehearsed():
    rows: list[Any] = []
    call = FixedCall(lambda x: rows.append(x.tolist()) or x * 2, Place(torch.device("cpu"), torch.float32), 3)  # fmt: skip

    made = call.warm(torch.arange(3.0))

    assert torch.cat(made).tolist() == [0, 2, 4]
    assert rows == [[0, 1, 2], [0, 0, 0]]
