"""DingTalk's signatures and the encryption of its events, against values that others made."""

import pytest

from adapters.chats.callback_crypto import CallbackCipher, CallbackRefused, Sealed
from adapters.chats.dingtalk.signing import digest, sign

# The official Java demonstration of event encryption.
TOKEN = "123456"  # noqa: S105
AES_KEY = "4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij"
RECEIVER = "suite4xxxxxxxxxxxxxxx"
ENCRYPTED = (
    "1a3NBxmCFwkCJvfoQ7WhJHB+iX3qHPsc9JbaDznE1i03peOk1LaOQoRz3+nlyGNhwmwJ3vDMG+OzrHMeiZI7gTRWVdUBmfxjZ8Ej23JVYa9VrYeJ5as7"
    "XM/ZpulX8NEQis44w53h1qAgnC3PRzM7Zc/D6Ibr0rgUathB6zRHP8PYrfgnNOS9PhSBdHlegK+AGGanfwjXuQ9+0pZcy0w9lQ=="
)
EVENT = Sealed(ENCRYPTED, "5a65ceeef9aab2d149439f82dc191dd6c5cbe2c0", "1445827045067", "nEXhMP4r")


def test_the_published_event_opens():
    cipher = CallbackCipher(TOKEN, AES_KEY, RECEIVER)

    assert cipher.open(EVENT) == (
        '{"EventType":"check_create_suite_url","Random":"LPIdSnlF","TestSuiteKey":"suite4xxxxxxxxxxxxxxx"}'
    )
    assert cipher.sign(EVENT.timestamp, EVENT.nonce, EVENT.encrypted) == EVENT.signature


@pytest.mark.parametrize(
    ("token", "receiver"), [("654321", RECEIVER), (TOKEN, "suite5xxxxxxxxxxxxxxx")]
)
def test_an_event_for_somebody_else_stays_closed(token, receiver):
    with pytest.raises(CallbackRefused):
        CallbackCipher(token, AES_KEY, receiver).open(EVENT)


def test_the_published_digest_is_ours():
    made = digest("1546084445901", "testappSecret")

    assert made == "HCbG3xNE3vzhO+u7qCUL1jS5hsu2n5r2cFhnTrtyDAE="


@pytest.mark.parametrize(
    ("timestamp", "secret", "signature"),
    [
        ("1577262236757", "this is secret", "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM="),
        ("1700000000000", "SECtest0123456789", "yBKp5IlG6qCzcQWmgyRK/ziJBdVNJmHfFE2ST/CzT/g="),
    ],
)
def test_robots_sign_time_and_secret(timestamp, secret, signature):
    assert sign(timestamp, secret) == signature
