"""Every kind of recording becomes the sound of a Clip, in time and equally loud, or is refused by its name."""

import pytest

from tests.corpora.sound_kinds import SOUND_KINDS, SoundKind
from tests.system.recordings import Listening, complaints

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Listening:
    return Listening(tmp_path_factory.mktemp("recordings"))


@pytest.mark.parametrize("kind", SOUND_KINDS, ids=lambda kind: kind.name)
def test_every_kind_of_recording_becomes_sound_or_is_refused(listening: Listening, kind: SoundKind):
    assert complaints(kind, listening.send(kind)) == []


def test_the_corpus_has_a_name_for_each_of_forty_kinds():
    assert len({kind.name for kind in SOUND_KINDS}) == len(SOUND_KINDS) >= 40
