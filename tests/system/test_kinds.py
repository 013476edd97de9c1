"""Every kind of video comes out as a Clip that is right in size, time and colour, or is refused by its name."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future

import pytest

from tests.children import Children
from tests.corpora.video_kinds import VIDEO_KINDS, Kind
from tests.system.ahead import ahead
from tests.system.kinds import Refused, Seen, Stage, complaints

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sent(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, "Future[Seen | Refused]"]]:
    """What becomes of each kind."""
    with Children() as children:
        stage = Stage(tmp_path_factory.mktemp("kinds"), children)
        with ahead(request, "kind", stage.send) as answers:
            yield answers


@pytest.mark.parametrize("kind", VIDEO_KINDS, ids=lambda kind: kind.name)
def test_every_kind_of_video_becomes_a_clip_or_is_refused(
    sent: Mapping[str, "Future[Seen | Refused]"], kind: Kind
):
    came = sent[kind.name].result()

    assert complaints(kind, came) == []


def test_the_corpus_has_a_name_for_each_of_forty_kinds():
    assert len({kind.name for kind in VIDEO_KINDS}) == len(VIDEO_KINDS) >= 40
