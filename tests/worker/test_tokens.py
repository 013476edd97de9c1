"""What a signed token promises."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.contract.tokens import TokenCodec, TokenExpired, TokenForged

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
CODEC = TokenCodec(b"sixteen bytes or more of secret")
THING = {"key": "archives/b1/1.zip", "filename": "合唱 été.zip"}


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=4))
def test_a_token_gives_back_the_thing_it_was_made_for(thing):
    assert CODEC.read("download", CODEC.sign("download", thing, LATER), NOW) == thing


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=4))
def test_a_token_survives_being_found_in_a_chat_text(thing):
    token = CODEC.sign("download", thing, LATER)

    assert token.replace("-", "").replace("_", "").isalnum()
    assert token[-1].isalnum()


def test_no_altered_character_is_accepted():
    token = CODEC.sign("download", THING, LATER)

    for place, letter in enumerate(token):
        altered = token[:place] + ("A" if letter != "A" else "B") + token[place + 1 :]
        with pytest.raises(TokenForged):
            CODEC.read("download", altered, NOW)


@pytest.mark.parametrize(
    "how",
    ["empty", "cut", "longer", "padded", "with a line end", "with a space", "foreign", "huge"],
)
def test_another_spelling_of_a_token_is_refused(how):
    token = CODEC.sign("download", THING, LATER)
    spelled = {
        "empty": "",
        "cut": token[:-1],
        "longer": token + "A",
        "padded": token + "=",
        "with a line end": token + "\n",
        "with a space": token[:10] + " " + token[10:],
        "foreign": token[:31] + "é" + token[32:],
        "huge": token * 100,
    }

    with pytest.raises(TokenForged):
        CODEC.read("download", spelled[how], NOW)


def test_a_token_for_one_purpose_is_refused_for_another():
    with pytest.raises(TokenForged):
        CODEC.read("upload", CODEC.sign("download", THING, LATER), NOW)


def test_a_token_of_another_secret_is_refused():
    with pytest.raises(TokenForged):
        CODEC.read("download", TokenCodec(b"z" * 32).sign("download", THING, LATER), NOW)


def test_a_token_ends_at_its_second_and_tells_what_it_was_for():
    token = CODEC.sign("download", THING, LATER)

    assert CODEC.read("download", token, LATER - timedelta(microseconds=1)) == THING
    with pytest.raises(TokenExpired) as expired:
        CODEC.read("download", token, LATER)
    assert (expired.value.thing, expired.value.expired_at) == (THING, LATER)


def test_a_forged_token_is_forged_even_when_expired():
    token = CODEC.sign("download", THING, NOW - timedelta(days=1))

    with pytest.raises(TokenForged):
        CODEC.read("download", "A" + token[1:] if token[0] != "A" else "B" + token[1:], NOW)


def test_weak_secrets_vague_times_and_endless_tokens_are_refused():
    with pytest.raises(ValueError, match="too short"):
        TokenCodec(b"secret")
    with pytest.raises(ValueError, match="time zone"):
        CODEC.sign("download", THING, LATER.replace(tzinfo=None))
    with pytest.raises(ValueError, match="too long"):
        CODEC.sign("download", {"filename": "x" * 4000}, LATER)
