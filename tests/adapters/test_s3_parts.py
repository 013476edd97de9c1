"""How Archives are laid out as parts of an upload."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from adapters.stores.s3_parts import LEAST_BYTES, CopiedPart, SentPart, plan
from adapters.stores.s3_rates import Rates
from worker.contract.virtual_zip import Piece

PART = 8 << 20
MIB = 1 << 20


def pieces_of(sizes: list[int]) -> list[Piece]:
    """Headers of 100 bytes, each before a Clip, and a directory."""
    pieces = []
    for number, size in enumerate(sizes):
        pieces += [Piece(100, content=bytes([number % 256]) * 100), Piece(size, key=f"{number}")]
    return [*pieces, Piece(50, content=b"d" * 50)]


def ranges(parts) -> list[tuple[str, int]]:
    """Every byte's origin, as runs of (origin, end)."""
    runs: list[tuple[str, int, int]] = []
    for part in parts:
        spans = (
            [(part.key, part.start, part.size_bytes)]
            if isinstance(part, CopiedPart)
            else [(p.key or repr(p.content[:1]), p.start, p.size_bytes) for p in part.pieces]
        )
        for origin, start, size in spans:
            if runs and runs[-1][0] == origin and (origin.startswith("b'") or runs[-1][2] == start):
                runs[-1] = (origin, runs[-1][1], runs[-1][2] + size)
            elif size:
                runs.append((origin, start, start + size))
    return runs


@given(st.lists(st.integers(0, 150 * MIB), max_size=12))
def test_the_parts_are_the_archive_and_every_store_takes_them(sizes):
    pieces = pieces_of(sizes)

    parts = list(plan(pieces, PART))

    assert ranges(parts) == ranges([SentPart(tuple(pieces))])
    assert all(part.size_bytes >= LEAST_BYTES for part in parts[:-1])
    assert all(part.size_bytes <= 64 * MIB for part in parts)
    assert all(part.size_bytes <= PART for part in parts if isinstance(part, SentPart))


def test_of_large_clips_five_mebibytes_are_sent_and_the_rest_copied():
    parts = list(plan(pieces_of([60 * MIB, 150 * MIB]), PART))

    assert [type(part) for part in parts] == [
        *(SentPart, CopiedPart),
        *(SentPart, CopiedPart, CopiedPart, CopiedPart),
        SentPart,
    ]
    assert sum(part.size_bytes for part in parts if isinstance(part, SentPart)) == 10 * MIB + 50


def test_small_clips_are_sent():
    parts = list(plan(pieces_of([4 * MIB] * 5), PART))

    assert [part.size_bytes for part in parts] == [PART, PART, 4 * MIB + 550]


def test_copying_is_tried_until_both_are_known_and_done_while_it_is_faster():
    now = [0.0]
    rates = Rates(clock=lambda: now[0])

    def measured(how, size_bytes: int, seconds: float) -> bool:
        with how(size_bytes):
            now[0] += seconds
        return rates.copying_pays

    assert rates.copying_pays
    assert measured(rates.sending, 8 * MIB, 1.0)
    assert measured(rates.copying, 8 * MIB, 0.5)
    assert not measured(rates.copying, 8 * MIB, 2.0)
    assert measured(rates.copying, 4000 * MIB, 100.0), "what was long ago counts less"


def test_a_part_that_failed_is_no_measure():
    rates = Rates(clock=iter([0.0, 1.0, 2.0]).__next__)
    with rates.sending(1):
        pass

    with contextlib.suppress(RuntimeError), rates.copying(1):
        raise RuntimeError

    assert rates.copying_pays
