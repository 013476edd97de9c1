"""How networks are called: with inputs of one kind, fewer rows where the memory does not suffice."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'neural' is not installed")
pytest.importorskip("diffusers", reason="the extra 'neural' is not installed")
pytest.importorskip("transformers", reason="the extra 'neural' is not installed")

from transformers import WhisperConfig, WhisperModel

from pipeline.engines.musetalk.parser import FaceParser, parse
from pipeline.engines.neural.calling import Faces, FixedCall, Painted
from pipeline.engines.neural.hearing import PIECE_SAMPLES, PieceEar, WholeEar
from pipeline.engines.neural.place import Place
from pipeline.engines.neural.seeing import Eye
from tests.corpora.checkpoints import TINY, whisper_config
from tests.pipeline.neural.things import make_performance


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

    made = call.warm(torch.arange(3.0), shrinks=True)

    assert torch.cat(made).tolist() == [0, 2, 4]
    assert rows == [[0, 1, 2], [0, 0, 0]]


FULL = [
    torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 160.00 MiB"),
    torch.AcceleratorError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("CUDA driver error: out of memory"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] data. DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    MemoryError(),
]  # fmt: skip


class Scarce:
    """A network on a device with room for a few rows."""

    def __init__(self, room: int, error: BaseException, network: Any = None) -> None:
        self.room = room
        self.error = error
        self.network = network or (lambda values: values * 2)
        self.calls: list[int] = []

    def __call__(self, values: Any, **more: Any) -> Any:
        self.calls.append(len(values))
        if len(values) > self.room:
            raise self.error
        return self.network(values, **more)


@pytest.mark.parametrize("error", FULL, ids=lambda error: f"{type(error).__name__} {error}"[:60])
def test_however_a_device_says_that_it_is_full_fewer_rows_go_at_once(error: BaseException):
    network = Scarce(2, error)
    call = FixedCall(network, Place(torch.device("cpu"), torch.float32), 4)

    made = call.run(torch.arange(5.0))

    assert torch.cat(made).tolist() == [0, 2, 4, 6, 8]
    assert network.calls == [4, 2, 2, 2]
    assert len(call.notes) == 1


@pytest.mark.parametrize(
    "error",
    [
        torch.AcceleratorError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED"),
    ],
)
def test_what_fails_for_another_reason_is_an_error(error: BaseException):
    call = FixedCall(Scarce(2, error), Place(torch.device("cpu"), torch.float32), 4)

    with pytest.raises(type(error)):
        call.run(torch.arange(5.0))


def test_inputs_that_find_no_room_on_the_device_come_in_smaller_numbers(gpu: Any):
    brought = Scarce(2, FULL[1], lambda values: values)
    gpu.move = brought

    made = FixedCall(lambda values: values * 2, gpu, 8).run(torch.arange(3.0))

    assert torch.cat(made).tolist() == [0, 2, 4]


def test_the_parser_is_shown_fewer_pictures_where_they_do_not_fit(
    gpu: Place, monkeypatch: pytest.MonkeyPatch
):
    parser = FaceParser(TINY.parser).eval()
    scarce = Scarce(2, FULL[1], parser.forward)
    monkeypatch.setattr(parser, "forward", scarce)
    call = FixedCall(parser.classes, gpu, 4)

    classes = parse(call, [np.zeros((20, 20, 3), np.uint8)] * 3)

    assert classes.shape == (3, 512, 512)
    assert scarce.calls == [4, 2, 2]


def encoder(monkeypatch: pytest.MonkeyPatch, room: Any) -> tuple[Any, Any]:
    """A small one; ``room(device)`` tells how many pieces fit."""
    torch.manual_seed(1)
    whole: Any = WhisperModel(WhisperConfig(**whisper_config(TINY))).eval().encoder
    moved: list[str] = []
    to = whole.to
    monkeypatch.setattr(whole, "to", lambda where: moved.append(str(where)) or to(where))
    forward = whole.forward
    calls: list[int] = []

    def scarce(mels: Any, **more: Any) -> Any:
        calls.append(len(mels))
        if len(mels) > room(moved):
            raise FULL[1]
        return forward(mels, **more)

    monkeypatch.setattr(whole, "forward", scarce)
    return whole, calls


SOUND = np.random.default_rng(1).normal(0, 0.1, 2 * PIECE_SAMPLES + 8000).astype(np.float32)


@pytest.mark.parametrize("kind", [PieceEar, WholeEar])
def test_an_ear_whose_device_is_full_goes_on_with_fewer_pieces_then_on_the_processor(
    kind: Any, gpu: Place, monkeypatch: pytest.MonkeyPatch
):
    whole, _ = encoder(monkeypatch, lambda _moved: 99)
    wanted = np.concatenate(list(kind(whole, Place(torch.device("cpu"), torch.float32)).hear(SOUND)))  # fmt: skip
    some, calls = encoder(monkeypatch, lambda _moved: 1)
    none, _ = encoder(monkeypatch, lambda moved: len(moved) - 1)
    ears = [kind(some, gpu), kind(none, gpu)]

    heard = [np.concatenate(list(ear.hear(SOUND))) for ear in ears]

    for states in heard:
        assert states.shape == wanted.shape
        assert np.allclose(states, wanted, atol=1e-4)
    assert calls[-3:] == [1, 1, 1]
    assert not any("processor" in note for note in ears[0].encoder.notes)
    assert "the ear goes on on the processor" in ears[1].encoder.notes[-1]


def test_while_some_faces_are_seen_the_next_are_decoded_and_cut_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    performance = make_performance(tmp_path, 4)
    cut: list[float] = []
    more = threading.Event()

    def cutting(_planes: Any, _facts: Any, matrix: float, _size: int) -> Any:
        cut.append(matrix)
        if len(cut) > 2:
            more.set()
        return np.full((2, 2, 3), matrix, np.uint8)

    monkeypatch.setattr("pipeline.engines.neural.seeing.cut_out", cutting)

    def network(faces: Any) -> Any:
        assert more.wait(60)
        return faces.float()[:, :1, :1]

    place = Place(torch.device("cpu"), torch.float32)
    eye = Eye(FixedCall(network, place, 2), place, 2)

    seen = list(eye.look(performance, np.arange(4), lambda at: at, lambda *_told: None))

    assert [list(some.frames) for some in seen] == [[0, 1], [2, 3]]
    assert cut == [0, 1, 2, 3]
    assert seen[1].latents[:, 0, 0, 0].tolist() == [2, 3]


def painted(*levels: int, finite: bool = True) -> Painted:
    pictures = torch.tensor(levels, dtype=torch.uint8)[:, None, None, None]
    return Painted(pictures.expand(-1, 1, 1, 3), torch.full((len(levels),), finite))


def test_pictures_that_overflowed_are_made_once_more_and_no_more_often():
    tries: list[int] = []

    def again() -> list[Painted]:
        tries.append(1)
        return [painted(7, 8)]

    faces = Faces([painted(0), painted(0, finite=False)], again)

    assert [int(faces.picture(at)[0, 0, 0]) for at in (0, 1)] == [7, 8]
    assert tries == [1]
    with pytest.raises(FloatingPointError):
        Faces([painted(0, finite=False)], lambda: [painted(0, finite=False)]).picture(0)


def test_pictures_come_without_asking_a_full_device_for_more(monkeypatch: pytest.MonkeyPatch):
    def full(*_given: Any, **_more: Any) -> Any:
        raise FULL[1]

    parts = [painted(5, 5), painted(9)]
    monkeypatch.setattr(torch, "cat", full)

    faces = Faces(parts)

    assert [int(faces.picture(at)[0, 0, 0]) for at in range(3)] == [5, 5, 9]


def test_while_another_engine_could_leave_a_rehearsal_does_not_do_with_fewer_rows():
    network = Scarce(2, FULL[0])
    call = FixedCall(network, Place(torch.device("cpu"), torch.float32), 4)

    with pytest.raises(torch.cuda.OutOfMemoryError):
        call.warm(torch.arange(4.0), shrinks=False)

    assert (network.calls, call.rows) == ([4], 4)
    call.warm(torch.arange(4.0), shrinks=True)
    assert call.rows == 2
