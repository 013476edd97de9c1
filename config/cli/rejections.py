"""What the pipeline refuses, said to the person at the terminal in their language."""

import contextlib
from collections.abc import Iterator

from bot.texts.catalogue import Texts
from config.cli.output import Failed, language
from worker.contract.codes import Code
from worker.contract.records import Reason


@contextlib.contextmanager
def told(*, advice: bool = True) -> Iterator[None]:
    """Turn what the pipeline could not do into Failed, with its sentence, as the chat would say it.

    Args:
        advice: Say what to do, too; the advice is for Takes and Templates.
    """
    from pipeline.errors import EngineUnavailable, InputRejected

    try:
        yield
    except InputRejected as rejected:
        reason = Reason(code=Code(rejected.code), facts=dict(rejected.facts))
        say = Texts().reason if advice else Texts().short
        raise Failed(say(language(), reason), rejected.code, rejected.facts) from None
    except EngineUnavailable as missing:
        raise Failed(str(missing), Code.ENGINE_UNAVAILABLE) from None
