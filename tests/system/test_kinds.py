"""Every kind of video comes out as a Clip that is right in size, time and colour, or is refused by its name."""

import pytest

from tests.corpora.video_kinds import VIDEO_KINDS, Kind
from tests.system.kinds import Stage, complaints

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("kinds"))


@pytest.mark.parametrize("kind", VIDEO_KINDS, ids=lambda kind: kind.name)
def test_every_kind_of_video_becomes_a_clip_or_is_refused(stage: Stage, kind: Kind):
    came = stage.send(kind)

    assert complaints(kind, came) == []


def test_the_corpus_has_a_name_for_each_of_forty_kinds():
    assert len({kind.name for kind in VIDEO_KINDS}) == len(VIDEO_KINDS) >= 40
