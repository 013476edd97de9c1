"""Reading weights: from a file into a model whose keys and shapes it has exactly, or not at all."""

import hashlib
import json
import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from pipeline.errors import WeightsAltered

Model = TypeVar("Model", bound=nn.Module)

_SHOWN: Final = 3
"""Differences of each kind that a message names."""


def read_config(path: Path) -> dict[str, Any]:
    """Read the JSON that describes a network; raises WeightsAltered."""
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(told, dict):
        raise WeightsAltered(f"{path} describes no network.")
    return told


def read_state(path: Path) -> dict[str, Any]:
    """Read a file of weights; what is in a pickle beside numbers and plain values is refused.

    Raises:
        WeightsAltered: It is no such file.
    """
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (
        OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError, SafetensorError,
    ) as error:  # fmt: skip
        raise _unreadable(path, error) from error
    if not isinstance(state, dict):
        raise WeightsAltered(f"{path} holds no weights by name, but {type(state).__name__}.")
    return state


def on_meta(make: Callable[[], Model], told: Path, what: str) -> Model:
    """Make a network without memory for its weights; ``fill`` gives it those of a file.

    Args:
        make: Makes it.
        told: The file that describes it.
        what: It is, for messages.

    Raises:
        WeightsAltered: It cannot be made: the file describes no such network.
    """
    try:
        with torch.device("meta"):
            return make()
    except Exception as error:  # what their libraries make of nonsense is of many kinds
        raise undescribed(told, what, error) from error


def undescribed(told: Path, what: str, why: object) -> WeightsAltered:
    """Say that a file describes no such network."""
    lines = str(why).strip().splitlines() or [""]
    kind = f"{type(why).__name__}: " if isinstance(why, Exception) else ""
    return WeightsAltered(f"{told} describes no {what} ({kind}{lines[0]}). {_PULL}")


def as_it_is(key: str) -> str:
    """Be the names of a file that has the network's own."""
    return key


def fill(
    model: Model,
    state: Mapping[str, Any],
    path: Path,
    named: Callable[[str], str] = as_it_is,
) -> Model:
    """Give a network made by ``on_meta`` its weights, and make it ready to be used (not learned).

    Args:
        model: The network. Changed in place.
        state: All of its weights, by the file's names.
        path: The file they come from, for messages.
        named: Gives the file's name of what the network calls by its own.

    Raises:
        WeightsAltered: A key is missing or too many, has another shape, or holds what is no number; the message names the first.
    """
    own = model.state_dict()
    require_same({named(key): values for key, values in own.items()}, state, path)
    model.load_state_dict({key: state[named(key)] for key in own}, strict=True, assign=True)
    model.eval().requires_grad_(requires_grad=False)
    return model


def require_same(wanted: Mapping[str, Tensor], state: Mapping[str, Any], path: Path) -> None:
    """Compare names, shapes and numbers; raises WeightsAltered that names the first differences."""
    differences = [
        *_named("missing", [key for key in wanted if key not in state]),
        *_named("unknown", [key for key in state if key not in wanted]),
        *_named("of another shape", [_shapes(key, wanted, state) for key in wanted if _differ(key, wanted, state)]),
    ]  # fmt: skip
    if differences:
        raise WeightsAltered(
            f"{path} has {len(state)} keys and should have {len(wanted)} of the network that its configuration describes: "
            f"{'; '.join(differences)}. It is another version, or something else; {_PULL}"
        )
    broken = [key for key in wanted if not _is_finite(state[key])]
    if broken:
        raise WeightsAltered(f"{path} holds what is no number in {broken[0]}; {_PULL}")


def mark_of(*models: nn.Module) -> str:
    """Make a short name of weights: a digest of a few numbers of each of their tensors."""
    digest = hashlib.sha256()
    for model in models:
        for key, values in model.state_dict().items():
            some = values.reshape(-1)[:: max(values.numel() // 16, 1)].float().cpu()
            digest.update(key.encode() + some.numpy().tobytes())
    return digest.hexdigest()[:12]


_PULL: Final = "chorus models pull brings what fits."


def _named(what: str, keys: Sequence[str]) -> list[str]:
    if not keys:
        return []
    shown = ", ".join(keys[:_SHOWN])
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return [f"{what}: {shown}{more}"]


def _differ(key: str, wanted: Mapping[str, Tensor], state: Mapping[str, Any]) -> bool:
    if key not in state:
        return False
    found = state[key]
    return not isinstance(found, Tensor) or found.shape != wanted[key].shape


def _shapes(key: str, wanted: Mapping[str, Tensor], state: Mapping[str, Any]) -> str:
    found = state[key]
    shape = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
    return f"{key} ({shape} instead of {list(wanted[key].shape)})"


def _is_finite(values: Tensor) -> bool:
    return not values.is_floating_point() or bool(torch.isfinite(values).all())


def _unreadable(path: Path, error: Exception) -> WeightsAltered:
    said = str(error).strip().splitlines()
    reason = f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
    return WeightsAltered(f"{path} cannot be read ({reason}). {_PULL}")
