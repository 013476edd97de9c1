"""``chorus bench``: the budgets of the design, each a ratio measured in one run."""

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import click

from config.cli.output import FAILED, Report, ending, json_option, last_line, progress_bar
from config.settings import load_settings

RENDER_RATIO_BUDGET = 1.6
REALTIME_BUDGET = 2.0
SAMPLE_S = 10.0
PACK_RATIO_BUDGET = 1.1
PACK_MEMORY_MIB = 64.0
USUAL_WAY_BUDGET = 3.0


@dataclass(frozen=True)
class Check:
    """One figure against its budget."""

    name: str
    value: float
    budget: float
    ok: bool


@click.group(short_help="Measure this machine against the budgets.")
def bench() -> None:
    """Measure this machine against the budgets; ratios, so that machines compare."""


@bench.command(short_help="One warm video against a bare transcode.")
@click.option("--engine", default=None, help="viseme, unless CHORUS_ENGINE names another.")
@click.option(
    "--pairs",
    default=5,
    show_default=True,
    type=click.IntRange(1, 25),
    help="Interleaved pairs; medians count.",
)
@json_option
def render(engine: str | None, pairs: int, as_json: bool) -> None:
    """A warm Clip against the same frames decoded and encoded untouched (720p, 10 s, our own sample)."""
    from config.cli.rejections import told

    name = engine or load_settings().engine
    with told(), progress_bar() as report:
        figures = _bench_render(name, pairs, report)
    checks = [
        Check(
            "clip ÷ untouched",
            figures["ratio"],
            RENDER_RATIO_BUDGET,
            figures["ratio"] <= RENDER_RATIO_BUDGET,
        ),
        Check(
            "real time",
            figures["realtime"],
            REALTIME_BUDGET,
            figures["realtime"] >= REALTIME_BUDGET,
        ),
    ]
    _conclude("render", figures["ratio"], checks, {"seconds": figures}, as_json=as_json)


@bench.command(short_help="Making an archive against uploading it.")
@click.option("--store", type=click.Choice(["local", "s3"]), default="s3", show_default=True)
@click.option("--clips", default=10, show_default=True, type=click.IntRange(1, 500))
@click.option(
    "--clip-mb",
    default=20.0,
    show_default=True,
    type=click.FloatRange(0.001, 5000),
    help="Size of each video; a minute of 720p has about 20 MB.",
)
@click.option(
    "--pairs",
    default=5,
    show_default=True,
    type=click.IntRange(1, 25),
    help="Interleaved pairs; medians count.",
)
@json_option
def pack(
    store: Literal["local", "s3"], clips: int, clip_mb: float, pairs: int, as_json: bool
) -> None:
    """Making an Archive in the store against uploading the same bytes, with the same parts and as many at once.

    Beside it the usual way: videos fetched, a deflated ZIP on the disk, then its upload.
    """
    from config.cli.bench_pack import bench_pack

    figures = bench_pack(load_settings(), store, clips, round(clip_mb * 1e6), pairs)
    memory, faster = figures.memory_mib, figures.faster
    checks = [
        Check(
            "pack ÷ upload", figures.ratio, PACK_RATIO_BUDGET, figures.ratio <= PACK_RATIO_BUDGET
        ),
        Check("memory, MiB above idle", memory, PACK_MEMORY_MIB, memory < PACK_MEMORY_MIB),
        Check("usual way ÷ ours", faster, USUAL_WAY_BUDGET, faster >= USUAL_WAY_BUDGET),
    ]
    more: dict[str, object] = {"store": store, "clips": clips, "figures": figures.as_json()}
    more["far_ratio"] = figures.far_ratio
    if not as_json:
        click.echo(f"  where other workers rendered all videos: {figures.far_ratio:.2f}")
    _conclude("pack", figures.ratio, checks, more, as_json=as_json)


def _bench_render(engine_name: str, pairs: int, report: Report) -> dict[str, float]:
    from pipeline.bench import bench_render
    from pipeline.engines.registry import open_engine
    from pipeline.media import VideoLimits
    from pipeline.samples.library import LOOKS, write_presenter, write_voice
    from pipeline.takes import TakeLimits, analyse_take, load_take
    from pipeline.templates import load_template, prepare_template

    engine = open_engine(engine_name)
    with tempfile.TemporaryDirectory(prefix="chorus-bench-") as scratch:
        folder = Path(scratch)
        video, voice = folder / "sample.mp4", folder / "sample.wav"
        write_presenter(LOOKS[0], video, SAMPLE_S, report)
        write_voice(voice, repeats=2)
        analyse_take(voice, voice.name, folder, TakeLimits(), report)
        prepare_template(video, video.name, folder, VideoLimits(), report)
        prepared = engine.prepare(load_template(folder, video))
        figures = bench_render(engine, prepared, load_take(folder), folder, report, pairs)
    plain = {key: value for key, value in asdict(figures).items() if isinstance(value, int | float)}
    return {**plain, **{f"{lane}_s": value for lane, value in figures.lanes.items()}}


def _conclude(
    name: str, ratio: float, checks: Sequence[Check], more: dict[str, object], *, as_json: bool
) -> None:
    ok = all(each.ok for each in checks)
    if as_json:
        last_line(
            {"name": name, "ok": ok, "ratio": ratio, "checks": [asdict(c) for c in checks], **more}
        )
    else:
        for each in checks:
            mark = "✓" if each.ok else "✗"
            click.echo(f"{mark} {each.name}: {each.value:.2f} (budget {each.budget:g})")
    if not ok:
        ending(FAILED)
