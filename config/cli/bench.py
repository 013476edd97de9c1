"""``chorus bench``: the budgets of the design, each a ratio measured in one run."""

import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import click

from config.cli.output import FAILED, Report, ending, json_option, last_line, progress_bar
from config.cli.weights import (
    engine_option,
    refuse_missing_engine,
    unverified_option,
    with_unverified,
)
from config.nvml import Busy, gpus
from config.settings import Settings, load_settings
from pipeline.engines.names import EMBEDDED

RENDER_RATIO_BUDGET = 1.6
REALTIME_BUDGET = 2.0
MODELS_SHARE = 0.6
"""Of an engine with models: how much of what they can do by themselves is left end to end."""
SAMPLE_S = 10.0
PACK_RATIO_BUDGET = 1.1
PACK_MEMORY_MIB = 64.0
USUAL_WAY_BUDGET = 3.0
FAR_RATIO_BUDGET = 1.9
"""Measured on Swift: 1.2 with 20 MB a video, 1.7 with small ones; sending all of it once more would be 2.1."""
FURTHER_CLIP_BUDGET = 1.1
SECOND_PREPARATION_BUDGET = 0.05
QUEUE_OVERHEAD_MS = 20.0
SCALING_BUDGET = 3.6
FAIRNESS_BUDGET = 0.95
ETA_ERROR_BUDGET = 0.25
STATUS_P99_MS = 100.0
WAITING_MEMORY_MIB = 20.0


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
@engine_option
@click.option(
    "--pairs",
    default=5,
    show_default=True,
    type=click.IntRange(1, 25),
    help="Interleaved pairs; medians count.",
)
@click.option(
    "--clips",
    default=1,
    show_default=True,
    type=click.IntRange(1, 16),
    help="Videos at a time, as a worker renders them; they share one engine.",
)
@unverified_option
@json_option
def render(
    engine: str | None, pairs: int, clips: int, unverified: Path | None, as_json: bool
) -> None:
    """A warm Clip against the same frames decoded and encoded untouched (720p, 10 s, our own sample).

    Of an engine with models: frames per second end to end against the models alone, and how busy the GPU is meanwhile.
    """
    from config.cli.rejections import told

    settings = with_unverified(load_settings(), unverified)
    settings = settings.model_copy(update={"engine": engine or settings.engine})
    refuse_missing_engine(settings)
    with told(), progress_bar() as report:
        figures, gpu, busy = _bench_render(settings, pairs, clips, report)
    if settings.engine != EMBEDDED:
        share = figures["frames_per_s"] / figures["models_frames_per_s"]
        whole = Check("end to end ÷ models alone", share, MODELS_SHARE, share >= MODELS_SHARE)
        more: dict[str, object] = {"seconds": figures, "gpu": gpu, "gpu_percent": busy}
        if not as_json:
            rates = ("frames_per_s", "models_frames_per_s")
            whole_rate, alone = (f"{figures[rate]:.1f}" for rate in rates)
            use = "" if busy is None else f", busy {busy:.0f} % of the time"
            where = f"on {gpu or 'the processor'}{use}"
            click.echo(f"  {whole_rate} frames/s end to end, {alone} of the models alone, {where}")
        _conclude("render", share, [whole], more, as_json=as_json)
        return
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

    Both where the worker that packs made the videos and where others did. Beside it the usual way: a deflated ZIP on the disk,
    then its upload; where others made the videos they are fetched before.
    """
    from config.cli.bench_pack import bench_pack

    figures = bench_pack(load_settings(), store, clips, round(clip_mb * 1e6), pairs)
    memory, faster = figures.memory_mib, figures.faster
    checks = [
        Check(
            "pack ÷ upload", figures.ratio, PACK_RATIO_BUDGET, figures.ratio <= PACK_RATIO_BUDGET
        ),
        *_far_checks(figures.far_ratio, store),
        Check("memory, MiB above idle", memory, PACK_MEMORY_MIB, memory < PACK_MEMORY_MIB),
        Check("usual way ÷ ours", faster, USUAL_WAY_BUDGET, faster >= USUAL_WAY_BUDGET),
    ]
    more: dict[str, object] = {"store": store, "clips": clips, "figures": figures.as_json()}
    more |= {"far_ratio": figures.far_ratio, "far_faster": figures.far_faster}
    more |= {"saved_percent": figures.saved_percent}
    if not as_json:
        far, ours = figures.far_ratio, figures.far_faster
        click.echo(f"  where others made the videos: {far:.2f}; usual way ÷ ours {ours:.2f}")
        click.echo(f"  deflating made the ZIP {figures.saved_percent:.1f} % smaller")
    _conclude("pack", figures.ratio, checks, more, as_json=as_json)


@bench.command(short_help="One order of many videos against many orders.")
@click.option(
    "--pairs",
    default=5,
    show_default=True,
    type=click.IntRange(1, 25),
    help="Interleaved pairs; the median counts.",
)
@json_option
def batch(pairs: int, as_json: bool) -> None:
    """What a further video of an order costs against the same one rendered directly, and what one order saves.

    A whole system of its own: real workers, engine, front end and chat (720p, 10 s, our own sample).
    """
    from config.cli.bench_batch import bench_batch, further_ratio

    with progress_bar() as report:
        figures = bench_batch(load_settings(), pairs, report)
    further, again = further_ratio(figures), figures.second_s / figures.first_s
    checks = [
        _at_most("further clip ÷ render", further, FURTHER_CLIP_BUDGET),
        Check("take analyses", figures.analyses, 1, figures.analyses == 1),
        _at_most("second preparation ÷ first", again, SECOND_PREPARATION_BUDGET),
    ]
    if not as_json:
        click.echo(
            f"  ten videos in one order: {figures.one_order_s:.1f} s, {figures.one_order_actions} messages; "
            f"in ten orders: {figures.ten_orders_s:.1f} s, {figures.ten_orders_actions} messages"
        )
    _conclude("batch", further, checks, {"figures": figures.as_json()}, as_json=as_json)


@bench.command(short_help="The queue: cost, scaling, fairness, nothing lost.")
@click.option(
    "--batches",
    default=1000,
    show_default=True,
    type=click.IntRange(60, 10_000),
    help="Orders of five videos that wait and are drained.",
)
@click.option(
    "--pairs",
    default=5,
    show_default=True,
    type=click.IntRange(1, 25),
    help="One worker and four, in turns; the median counts.",
)
@json_option
def queue(batches: int, pairs: int, as_json: bool) -> None:
    """What the queue itself costs, with engines that do nothing or sleep: real workers, Redis, front end and chats.

    Beside it: whether the time left that people read is true, and what a thousand waiting orders weigh.
    """
    from config.cli.bench_queue import bench_queue

    with progress_bar() as report:
        figures = bench_queue(load_settings(), batches, pairs, report)
    scaling = statistics.median(figures.scaling)
    checks = [
        _at_most("overhead, ms a clip", figures.overhead_ms, QUEUE_OVERHEAD_MS),
        _at_least("4 workers ÷ 1", scaling, SCALING_BUDGET),
        _at_most("lost", figures.lost, 0),
        _at_most("doubled", figures.doubled, 0),
        _at_most("told twice", figures.told_twice, 0),
        _at_least("fairness over chats (Jain)", figures.fairness, FAIRNESS_BUDGET),
        _at_least("fairness over people of a chat", figures.fairness_within, FAIRNESS_BUDGET),
        _at_most("time left, median error", figures.eta_error, ETA_ERROR_BUDGET),
        _at_most("/status p99, ms", figures.status_p99_ms, STATUS_P99_MS),
        _at_most("front end, MiB above idle", figures.bot_mib, WAITING_MEMORY_MIB),
    ]
    more: dict[str, object] = {
        "lost": figures.lost,
        "doubled": figures.doubled,
        "batches": batches,
        "figures": figures.as_json(),
    }
    if not as_json:
        click.echo(
            f"  {batches} orders drained in {figures.drained_s:.0f} s; Redis: {figures.redis_mib:.1f} MiB above idle while they wait"
        )
    _conclude("queue", scaling, checks, more, as_json=as_json)


def _far_checks(far_ratio: float, store: str) -> list[Check]:
    """A local store writes nothing of an Archive, wherever its Clips were made: there is nothing to judge."""
    if store == "local":
        return []
    return [_at_most("pack ÷ upload, videos of others", far_ratio, FAR_RATIO_BUDGET)]


def _at_most(name: str, value: float, budget: float) -> Check:
    return Check(name, value, budget, value <= budget)


def _at_least(name: str, value: float, budget: float) -> Check:
    return Check(name, value, budget, value >= budget)


def _bench_render(
    settings: Settings, pairs: int, clips: int, report: Report
) -> tuple[dict[str, float], str | None, float | None]:
    """Give figures, the GPU's title, and how busy it was in percent; None without one."""
    from config.shelf import hardware_of, shelf_of
    from pipeline.bench import bench_render
    from pipeline.engines.registry import open_engine
    from pipeline.media import VideoLimits
    from pipeline.samples.library import LOOKS, write_presenter, write_voice
    from pipeline.takes import TakeLimits, analyse_take, load_take
    from pipeline.templates import load_template, prepare_template

    engine = open_engine(settings.engine, shelf_of(settings), hardware_of(settings))
    with tempfile.TemporaryDirectory(prefix="chorus-bench-") as scratch:
        folder = Path(scratch)
        video, voice = folder / "sample.mp4", folder / "sample.wav"
        write_presenter(LOOKS[0], video, SAMPLE_S, report)
        write_voice(voice, repeats=2)
        analyse_take(voice, voice.name, folder, TakeLimits(), report)
        prepare_template(video, video.name, folder, VideoLimits(), report)
        prepared = engine.prepare(load_template(folder, video))
        on_gpu = engine.residents().device.startswith("cuda")
        gpu = next(iter(gpus()), None) if on_gpu else None
        busy = Busy(gpu.uuid if gpu else None)
        take = load_take(folder)
        figures = bench_render(
            engine, prepared, take, folder, report, pairs, clips=clips, watch=busy.watched
        )
    models = engine.residents()
    plain = {key: value for key, value in asdict(figures).items() if isinstance(value, int | float)}
    rates = {
        "frames_per_s": figures.frames_per_s,
        "models_frames_per_s": figures.models_frames_per_s,
        "window_frames": models.window_frames,
        "memory_mib": models.memory_bytes / 2**20,
    }
    lanes = {f"{lane}_s": value for lane, value in figures.lanes.items()}
    return {**plain, **rates, **lanes}, gpu.title if gpu else None, busy.percent


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
