"""What the pipeline refuses, said to the person at the terminal in their language."""

import contextlib
from collections.abc import Iterator, Mapping

from bot.texts.catalogue import Texts
from config.cli.output import FAILED, ending, errors_console, language, last_line
from worker.contract.codes import Code
from worker.contract.records import Reason


def sentence(code: str, facts: Mapping[str, str | float]) -> str:
    """The sentence for a reason, as the chat would say it."""
    return Texts().reason(language(), Reason(code=Code(code), facts=dict(facts)))


@contextlib.contextmanager
def told(*, as_json: bool) -> Iterator[None]:
    """Turn a rejection by the pipeline into its sentence and exit code 1."""
    from pipeline.errors import EngineUnavailable, InputRejected

    try:
        yield
    except InputRejected as rejected:
        said, code, facts = sentence(rejected.code, rejected.facts), rejected.code, rejected.facts
    except EngineUnavailable as missing:
        said, code, facts = str(missing), Code.ENGINE_UNAVAILABLE.value, {}
    else:
        return
    errors_console().print(said, soft_wrap=True, markup=False)
    if as_json:
        last_line({"error": {"code": code, "facts": facts, "sentence": said}})
    ending(FAILED)
