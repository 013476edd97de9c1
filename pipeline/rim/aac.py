"""Packets of AAC, bit by bit (ISO/IEC 14496-3, subpart 4: ``raw_data_block``).

A packet is a row of elements: one channel's spectrum (``single_channel_element``), two channels' (``channel_pair_element``), filling
(``fill_element``), and the mark of its end. So a channel that was coded once can stand for both, alike to the last bit, for half
of the encoder's time; and what is silent can be filled up to the bit rate that was promised.
"""

from typing import Final

_PAIR: Final = 0b001_0000_0
"""A pair with number 0, each channel with a window of its own: 8 bits."""
_SINGLE_BITS: Final = 7
"""Kind and number of a single channel, all zeros."""
_FILL: Final = 0b110
_END: Final = 0b111
_KIND_BITS: Final = 3
_MOST_FILLED: Final = 269
"""Bytes that one element fills."""


def twice(packet: bytes) -> bytes:
    """Make of a packet with one channel one with two that are alike.

    Raises:
        ValueError: It holds something else than one channel.
    """
    content, bits = _without_end(packet)
    bits -= _SINGLE_BITS
    if bits < 0 or content >> bits:
        raise ValueError("no packet of one channel")
    return _ended((_PAIR << bits | content) << bits | content, 8 + 2 * bits)


def filled(packet: bytes, more: int) -> bytes:
    """Make a packet longer by ``more`` bytes or a few bytes more; what is heard stays the same."""
    content, bits = _without_end(packet)
    while more > 0:
        count = min(more, _MOST_FILLED)
        if count < 15:
            head, head_bits = _FILL << 4 | count, 7
        else:
            head, head_bits = (_FILL << 4 | 15) << 8 | count - 14, 15
        content = (content << head_bits | head) << 8 * count
        bits += head_bits + 8 * count
        more -= count
    return _ended(content, bits)


def _without_end(packet: bytes) -> tuple[int, int]:
    """Give all that stands before the end mark, and how many bits that is."""
    number = int.from_bytes(packet, "big")
    zeros = (number & -number).bit_length() - 1  # the mark is all ones, and only zeros follow
    if not number or number >> zeros & _END != _END:
        raise ValueError("no end mark")
    return number >> zeros + _KIND_BITS, 8 * len(packet) - zeros - _KIND_BITS


def _ended(content: int, bits: int) -> bytes:
    bits += _KIND_BITS
    count = -(-bits // 8)
    return ((content << _KIND_BITS | _END) << 8 * count - bits).to_bytes(count, "big")
