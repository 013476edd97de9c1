"""``python -m pipeline.speech.training corpus|learn|report``: make labelled speech, learn from it, examine the result."""

from pathlib import Path

import click
import numpy as np

from pipeline.speech.analyse import mouth_curve
from pipeline.speech.training import voices
from pipeline.speech.training.corpus import read_corpus, said_in, sentences, write_corpus
from pipeline.speech.training.report import HEAD, Score, mean_score, score
from pipeline.speech.training.synthesis import Spoken, speak
from pipeline.speech.training.texts import sentence
from pipeline.types import MouthCurve

_EXAM_SEED = 99
"""Of the sentences of the report; no corpus may use it."""


def _not_of_the_exam(_context: click.Context, _option: click.Parameter, seed: int) -> int:
    if seed == _EXAM_SEED:
        raise click.BadParameter(f"{seed} makes the sentences of the report.")
    return seed


@click.group()
def training() -> None:
    """Make labelled speech, learn from it, examine the result."""


@training.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--recorded", default=90, show_default=True, help="Sentences of each recorded voice.")
@click.option("--espeak", default=70, show_default=True, help="Sentences of each language.")
@click.option("--channels", default=2, show_default=True, help="Ways each sentence is heard.")
@click.option("--seed", default=1, show_default=True, callback=_not_of_the_exam)
def corpus(path: Path, recorded: int, espeak: int, channels: int, seed: int) -> None:
    """Write a corpus (NPZ). Needs espeak-ng, flite, festival and the voices of voices.py."""
    generator = np.random.default_rng(seed)
    said = list(sentences(recorded, espeak, generator))
    minutes = sum(each.duration_s for each in said) / 60
    count = write_corpus(path, said, channels, generator)
    click.echo(f"{minutes:.0f} minutes of {len(said)} sentences, {count} examples: {path}")


@training.command()
@click.argument("weights", type=click.Path(path_type=Path))
@click.argument("corpora", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.option("--epochs", default=10, show_default=True)
@click.option("--seed", default=1, show_default=True)
def learn(weights: Path, corpora: tuple[Path, ...], epochs: int, seed: int) -> None:
    """Learn from corpora and write the WEIGHTS. Needs the extra ``neural``."""
    from pipeline.speech.training import learning  # noqa: PLC0415 - PyTorch, only here

    examples = [example for path in corpora for example in read_corpus(path)]
    network = learning.learn(
        examples, epochs, seed, lambda epoch, loss: click.echo(f"{epoch + 1}/{epochs}: {loss:.4f}")
    )
    learning.write_weights(network, weights)


@training.command()
@click.option("--count", default=10, show_default=True, help="Sentences of each voice or language.")
def report(count: int) -> None:
    """Print, for voices and languages never learned from, how well the mouth curve follows the known phones."""
    generator = np.random.default_rng(_EXAM_SEED)
    click.echo("\n".join(HEAD))
    recorded = [
        _examined(
            f"{voice.language} · {voice.name} ({voice.synthesiser})",
            list(speak(voice, [sentence(voice.language, generator) for _ in range(count)])),
        )
        for voice in voices.HELD_OUT
    ]
    click.echo(mean_score(recorded).row("**recorded voices, mean**"))
    languages = {**voices.ESPEAK, **voices.ESPEAK_HELD_OUT}
    formant = [
        _examined(
            f"{name} · eSpeak NG"
            + (", language never heard" if name in voices.ESPEAK_HELD_OUT else ""),
            list(said_in({name: spelling}, voices.VARIANTS_HELD_OUT, count, generator)),
        )
        for name, spelling in languages.items()
    ]
    click.echo(mean_score(formant).row("**formant voices, mean**"))


def _examined(name: str, said: list[Spoken]) -> Score:
    found = score(said, _listen)
    click.echo(found.row(name))
    return found


def _listen(said: Spoken) -> MouthCurve:
    return mouth_curve(said.samples, said.duration_s)


if __name__ == "__main__":
    training()
