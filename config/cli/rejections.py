"""What the pipeline refuses, said to the person at the terminal in their language."""

import contextlib
from collections.abc import Iterator, Mapping

from bot.texts.catalogue import Texts
from config.cli.output import Failed, language
from worker.contract.codes import Code
from worker.contract.records import Reason


def sentence(code: str, facts: Mapping[str, str | float]) -> str:
    """The sentence for a reason, as the chat would say it."""
    return Texts().reason(language(), Reason(code=Code(code), facts=dict(facts)))


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turn what the pipeline could not do into Failed, with its sentence."""
    from pipeline.errors import EngineUnavailable, InputRejected

    try:
        yield
    except InputRejected as rejected:
        said = sentence(rejected.code, rejected.facts)
        raise Failed(said, rejected.code, rejected.facts) from None
    except EngineUnavailable as missing:
        raise Failed(str(missing), Code.ENGINE_UNAVAILABLE) from None
