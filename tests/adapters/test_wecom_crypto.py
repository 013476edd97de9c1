"""The callbacks' encryption, against what the platforms publish."""

import base64
import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.chats.callback_crypto import (
    CallbackCipher,
    CallbackRefused,
    KeyUnusable,
    Sealed,
    decrypt,
    decrypt_stream,
    encrypt,
    media_key,
)

A = CallbackCipher("QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "wx5823bf96d3bd56c7")
B_TOKEN, B_KEY = "hJqcu3uJ9Tn2gXPmxx2w9kkCkCE2EPYo", "6qkdMrq68nTKduznJYO1A37W2oEgpkMUvkttRToqhUt"
B = CallbackCipher(B_TOKEN, B_KEY, "ww1436e0e65a779aee")
D = CallbackCipher("123456", "4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij", "suite4xxxxxxxxxxxxxxx")
A_XML = "\n".join(
    (
        "<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName>",
        "<FromUserName><![CDATA[mycreate]]></FromUserName>",
        "<CreateTime>1409659813</CreateTime>",
        "<MsgType><![CDATA[text]]></MsgType>",
        "<Content><![CDATA[hello]]></Content>",
        "<MsgId>4561255354251345929</MsgId>",
        "<AgentID>218</AgentID>",
        "</xml>",
    )
)
VECTORS = {
    "A, address": (
        A,
        b"c41b64491c2468d0",
        "1616140317555161061",
        Sealed(
            "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==",
            "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
            "1409659589",
            "263014780",
        ),
    ),
    "A, message": (
        A,
        b"0960688932c47ef1",
        A_XML,
        Sealed(
            "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvu"
            "JTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwG"
            "c2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9"
            "EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0"
            "lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q==",
            "477715d11cdb4164915debcba66cb864d751f3e6",
            "1409659813",
            "1372623149",
        ),
    ),
    "B, address": (
        B,
        b"8908d0ff052afda0",
        "1288432023552776189",
        Sealed(
            "fsi1xnbH4yQh0+PJxcOdhhK6TDXkjMyhEPA7xB2TGz6b+g7xyAbEkRxN/3cNXW9qdqjnoVzEtpbhnFyq6SVHyA==",
            "012bc692d0a58dd4b10f8dfe5c4ac00ae211ebeb",
            "1476416373",
            "47744683",
        ),
    ),
    "B, message of several bytes to a letter": (
        B,
        b"694ce5a83ae07fe3",
        "<xml><ToUserName>ww1436e0e65a779aee</ToUserName><FromUserName>ChenJiaShun</FromUserName>"
        "<CreateTime>1476422779</CreateTime><MsgType>text</MsgType><Content>你好</Content>"
        "<MsgId>1456453720</MsgId><AgentID>1000002</AgentID></xml>",
        Sealed(
            "Kl7kjoSf6DMD1zh7rtrHjFaDapSCkaOnwu3bqLc5tAybhhMl9pFeK8NslNPVdMwmBQTNoW4mY7AIjeLvEl3NyeTkAgGzBhzTtRLNshw2AEew"
            "+kkYcD+Fq72Kt00fT0WnN87hGrW8SqGc+NcT3mu87Ha3dz1pSDi6GaUA6A0sqfde0VJPQbZ9U+3JWcoD4Z5jaU0y9GSh010wsHF8KZD24Yhm"
            "ZH4ch4Ka7ilEbjbfvhKkNL65HHL0J6EYJIZUC2pFrdkJ7MhmEbU2qARR4iQHE7wy24qy0cRX3Mfp6iELcDNfSsPGjUQVDGxQDCWjayJOpcwo"
            "cugux082f49HKYg84EpHSGXAyh+/oxwaWbvL6aSDPOYuPDGOCI8jmnKiypE+",
            "0c3914025cb4b4d68103f6bfc8db550f79dcf48e",
            "1476422779",
            "1597212914",
        ),
    ),
    "B, JSON": (
        B,
        b"dDVXRx6kn1gOT43Q",
        '{ "ToUserName": "wx5823bf96d3bd56c7", "FromUserName": :mycreate", "CreateTime": 1409659813, '
        '"MsgType": "text", "Content": "hello", "MsgId": 4561255354251345929, "AgentID": 218}',
        Sealed(
            "cjhLUX7UU4yCSelv1vz7T0zT8huF51bAMVWriNvO1FMegHrQZNrtvRxbwf0fUPsFvwqR0U0fgiJNEA5Y30F2MoI2S7vv3EjVQ68C0cjw9frB"
            "oUE2Hj0BvFp9h3u6Vbsg4lc1C8AtHdaN8orKuNKkLRLuYEL52R1J3v8olJGZRLnRdVKIivixmX/eQpzgeExtp20jI1HxRP1AAZ6xZoILdqDP"
            "O549LO4WeG+685JRUTdiwcY5fjZlqeMxuT4PpMn1X9OWsS7NRj06Wa5E3Tvg4twjWp39KPfOdRte6P1T4JU=",
            "e3647471e395139e2308c1fa963f2d648a00b90e",
            "1409659813",
            "1372623149",
        ),
    ),
    "DingTalk": (
        D,
        None,
        '{"EventType":"check_create_suite_url","Random":"LPIdSnlF","TestSuiteKey":"suite4xxxxxxxxxxxxxxx"}',
        Sealed(
            "1a3NBxmCFwkCJvfoQ7WhJHB+iX3qHPsc9JbaDznE1i03peOk1LaOQoRz3+nlyGNhwmwJ3vDMG+OzrHMeiZI7gTRWVdUBmfxjZ8Ej23JVYa9V"
            "rYeJ5as7XM/ZpulX8NEQis44w53h1qAgnC3PRzM7Zc/D6Ibr0rgUathB6zRHP8PYrfgnNOS9PhSBdHlegK+AGGanfwjXuQ9+0pZcy0w9lQ==",
            "5a65ceeef9aab2d149439f82dc191dd6c5cbe2c0",
            "1445827045067",
            "nEXhMP4r",
        ),
    ),
}


@pytest.mark.parametrize(("cipher", "salt", "message", "sealed"), VECTORS.values(), ids=VECTORS)
def test_what_is_published_is_opened(cipher, salt, message, sealed):
    assert cipher.open(sealed) == message


@pytest.mark.parametrize(("cipher", "salt", "message", "sealed"), VECTORS.values(), ids=VECTORS)
def test_what_is_published_comes_out_when_it_is_sealed(cipher, salt, message, sealed):
    plain = decrypt(cipher._key, base64.b64decode(sealed.encrypted))

    assert salt in {plain[:16], None}
    assert cipher.seal(message, sealed.timestamp, sealed.nonce, plain[:16]) == sealed


MEDIA = {
    "xLbBRfrbCqHQanZT0Qt0d8DHOwG3Iu8Ak10iyS7YM7s=": b"hello world",
    "4j/AuRx71kQlxVlzbpsMWOQz81ZEvcogSSfMzsheSTsxpcB6k5O9xXTZh4Jyb7G6UMkcaqTgFg4CE6Xh5SfDOg==": (
        b"0123456789abcdef" * 2
    ),
}


@pytest.mark.parametrize(("encrypted", "plain"), MEDIA.items())
def test_a_media_file_is_opened_whole_and_in_pieces(encrypted, plain):
    key, content = (
        media_key("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        base64.b64decode(encrypted),
    )

    assert decrypt(key, content) == plain
    assert b"".join(decrypt_stream(key, io.BytesIO(content))) == plain
    assert encrypt(key, plain) == content


@given(st.binary(max_size=100))
def test_whatever_is_sealed_opens_again_also_in_pieces(plain):
    key = bytes(range(32))
    content = encrypt(key, plain)

    assert (decrypt(key, content), len(content) % 32) == (plain, 0)
    assert b"".join(decrypt_stream(key, io.BytesIO(content))) == plain


def test_a_long_file_is_decrypted_piece_by_piece():
    key, plain = bytes(range(32)), bytes(range(256)) * 20_000

    pieces = list(decrypt_stream(key, io.BytesIO(encrypt(key, plain))))

    assert b"".join(pieces) == plain
    assert len(pieces) > 4


@pytest.mark.parametrize("cut", [1, 16, 31])
def test_a_media_file_that_broke_off_is_refused(cut):
    content = encrypt(bytes(32), b"hello world " * 9)

    with pytest.raises(CallbackRefused):
        list(decrypt_stream(bytes(32), io.BytesIO(content[:-cut])))


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": "0" * 40},
        {"signature": ""},
        {"signature": "é\udcff"},
        {"signature": "\ud800"},
        {"encrypted": "\ud800"},
        {"timestamp": "1409659814"},
        {"nonce": "1"},
        {"encrypted": "AAAA"},
    ],
)
def test_what_was_altered_is_refused(changes):
    sealed = A.seal("hello", "1409659813", "1372623149")

    with pytest.raises(CallbackRefused):
        A.open(Sealed(**{**vars(sealed), **changes}))


def test_what_is_for_another_corporation_is_refused():
    other = CallbackCipher(B_TOKEN, B_KEY, "ww0000000000000000")

    with pytest.raises(CallbackRefused, match="somebody else"):
        other.open(B.seal("hello", "1", "2"))


@given(st.binary(max_size=96))
def test_whatever_is_signed_is_opened_or_refused(plain):
    """The token's holder may send nonsense; that is refused, and nothing else happens."""
    encrypted = base64.b64encode(encrypt(A._key, plain)).decode()
    sealed = Sealed(encrypted, A.sign("1", "2", encrypted), "1", "2")

    with contextlib.suppress(CallbackRefused):
        assert isinstance(A.open(sealed), str)


@pytest.mark.parametrize("key", ["", "short", "j" * 42, "j" * 44, "ä" * 43, "!" * 43])
def test_a_key_that_is_none_is_refused_at_the_start(key):
    with pytest.raises(KeyUnusable):
        CallbackCipher("t", key, "")
    with pytest.raises(KeyUnusable):
        media_key(key)


def test_signatures_and_receivers_are_compared_in_constant_time(monkeypatch):
    compared = []

    def spy(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("adapters.chats.callback_crypto.hmac.compare_digest", spy)
    sealed = A.seal("hello", "1", "2")
    A.open(sealed)

    assert compared == [
        (sealed.signature.encode(), sealed.signature.encode()),
        (b"wx5823bf96d3bd56c7", b"wx5823bf96d3bd56c7"),
    ]
