"""Every kind of recording becomes the sound of a Clip, in time and equally loud, or is refused by its name."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future

import pytest

from tests.children import Children
from tests.corpora.sound_kinds import SOUND_KINDS, SoundKind
from tests.system.ahead import ahead
from tests.system.recordings import Heard, Listening, complaints

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sent(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, "Future[Heard | str]"]]:
    """What becomes of each kind."""
    with Children() as children:
        listening = Listening(tmp_path_factory.mktemp("recordings"), children)
        with ahead(request, "kind", listening.send) as answers:
            yield answers


@pytest.mark.parametrize("kind", SOUND_KINDS, ids=lambda kind: kind.name)
def test_every_kind_of_recording_becomes_sound_or_is_refused(
    sent: Mapping[str, "Future[Heard | str]"], kind: SoundKind
):
    came = sent[kind.name].result()

    assert complaints(kind, came) == []


def test_the_corpus_has_a_name_for_each_of_forty_kinds():
    assert len({kind.name for kind in SOUND_KINDS}) == len(SOUND_KINDS) >= 40
