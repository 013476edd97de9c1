"""``chorus check``: the doctor."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence

import click
from redis.exceptions import RedisError
from rich.console import Console
from rich.table import Table

from config.cli.check_dingtalk import examine_dingtalk
from config.cli.check_disk import examine_disk
from config.cli.check_keeping import examine_keeping, versions_found
from config.cli.check_links import examine_links, link_trouble
from config.cli.check_redis import examine_redis, examine_watching, redis_advice
from config.cli.check_telegram import examine_telegram
from config.cli.check_wecom import examine_wecom
from config.cli.check_weights import examine_weights
from config.cli.findings import Finding, bad, good, unused
from config.cli.output import FAILED, ending, json_option, last_line
from config.cli.starting import run, system_started
from config.devices import DeviceRefused, devices_for, slots_of
from config.paths import models_folder, secret_key
from config.settings import Settings, SettingsRefused, load_settings
from config.system import Wanted, running_system
from config.wiring import Wires, make_store, wires
from worker.contract.ports import ObjectMissing, StoreUnavailable
from worker.contract.tokens import TokenCodec
from worker.roster import Card

_TIMEOUT_S = 30.0
_PROBE_PREFIX = "takes/chorus-check-"


@click.command(short_help="Look whether everything needed is there.")
@json_option
def check(as_json: bool) -> None:
    """Look whether everything Chorus needs is there, and say what to do if not."""
    findings = run(_examine(load_settings()))
    if as_json:
        last_line(
            {
                "ok": all(finding.ok is not False for finding in findings),
                "checks": [
                    {"name": f.name, "ok": f.ok, "detail": f.detail, "advice": f.advice}
                    for f in findings
                ],
            }
        )
    else:
        table = Table(box=None, show_header=False, pad_edge=False)
        for finding in findings:
            mark = {True: "[green]✓[/]", False: "[red]✗[/]", None: "–"}[finding.ok]
            said = finding.detail + (f" {finding.advice}" if finding.advice else "")
            table.add_row(mark, finding.name, said)
        Console(highlight=False).print(table)
    if any(finding.ok is False for finding in findings):
        ending(FAILED)


async def _examine(settings: Settings) -> list[Finding]:
    findings = [good("settings", f"DATA_DIR is {settings.data_dir}."), *examine_disk(settings)]
    async with running_system(settings, Wanted()) as system:
        redis = await _tried("redis", lambda: examine_redis(system.redis_url, settings))
        findings.append(redis)
    if refused := await _refused_store(settings):  # nothing that needs it comes up
        findings.append(refused)
    elif redis.ok:  # without it nothing else can run
        findings += await _serving(settings)
        findings += await examine_links(settings)
    return [
        *findings,
        _engine(settings),
        _label(settings),
        _words(settings),
        *examine_weights(settings),
        _devices(settings),
        *examine_keeping(settings),
        *examine_watching(settings),
        *await _platforms(settings),
    ]


def _sentence(outage: StoreUnavailable) -> str:
    return f"{str(outage)[:1].upper()}{str(outage)[1:]}."


async def _serving(settings: Settings) -> list[Finding]:
    """What needs the front end running."""
    async with (
        system_started(settings, Wanted(front_end=True)) as system,
        wires(system.settings, lambda: system.door) as hand,
    ):
        return [
            store := await _tried("store", lambda: _store(hand, settings)),
            *(await _versions(hand) if store.ok else []),
            good("web door", f"It listens on {system.door}."),
            workers_at_work(await hand.roster.cards()),
        ]


async def _versions(hand: Wires) -> list[Finding]:
    try:
        return versions_found(kept=await hand.store.keeps_versions())
    except StoreUnavailable:  # it was there a moment ago, and this was all that was left to ask
        return []


def workers_at_work(cards: Sequence[Card]) -> Finding:
    """How many there are, and which of them have no engine."""
    workers = [card for card in cards if card.role == "worker"]
    said = f"{len(workers)} at work now."
    troubled = [card for card in workers if card.engine_trouble]
    if troubled:
        told = "; ".join(f"on {card.host}: {card.engine_trouble}" for card in troubled)
        return bad("workers", f"{said} {len(troubled)} without engine: {told}.", "See their logs.")
    return (good if workers else unused)("workers", said)


async def _tried(name: str, look: Callable[[], Awaitable[Finding]]) -> Finding:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return await look()
    except RedisError as error:
        return bad(name, f"{error}.", redis_advice(error))
    except StoreUnavailable as outage:
        return bad(name, _sentence(outage))  # it says what to do
    except ObjectMissing as missing:
        return bad(name, f"What was written is gone: {missing}.", "Who else deletes there?")
    except TimeoutError:
        return bad(name, f"No answer within {_TIMEOUT_S:.0f} s.", "Check address and firewall.")


async def _refused_store(settings: Settings) -> Finding | None:
    """What is wrong with the store before anything is asked of it."""
    try:
        hand = make_store(settings, TokenCodec(secret_key(settings)), str)
    except SettingsRefused as refused:
        return bad("store", str(refused))
    except StoreUnavailable as outage:
        return bad("store", _sentence(outage))
    await hand.close()
    return None


async def _store(hand: Wires, settings: Settings) -> Finding:
    """Write, list, sign, read through the Link, delete."""
    key, content = f"{_PROBE_PREFIX}{secrets.token_hex(8)}", secrets.token_bytes(1024)
    await hand.store.put_bytes(key, content)
    try:
        listed = [facts.key async for facts in hand.store.list(_PROBE_PREFIX)]
        link = await hand.store.sign(key, 60, "chorus-check.bin")
        trouble = await link_trouble(settings, link.url, content)
    finally:
        await hand.store.delete(key)
    if key not in listed:
        return bad("store", f"{settings.store}: what was written is not listed.")
    if trouble is not None:
        return trouble
    return good(
        "store", f"{settings.store}: written, listed, signed, read through its Link, deleted."
    )


def _engine(settings: Settings) -> Finding:
    from config.cli.weights import unchecked
    from config.shelf import shelf_of
    from pipeline.engines.registry import engine_weights
    from pipeline.errors import EngineUnavailable

    try:
        weights = engine_weights(settings.engine, shelf_of(settings))
    except EngineUnavailable as error:
        return bad("engine", f"{settings.engine}: {error}")
    if weights is None:
        return good("engine", f"{settings.engine} is ready; it needs no weights.")
    if not weights.verified:
        return unused("engine", unchecked(weights.folder))
    return good("engine", f"{settings.engine} has what it needs; its weights are as pulled.")


def _label(settings: Settings) -> Finding:
    """What people read in the picture, and what stands in the file."""
    from pipeline.lettering import drawable
    from worker.asked import LabelRules

    rules = LabelRules(settings.label_producer, settings.label_text, settings.label_seconds)
    texts = dict.fromkeys([rules.text_in("zh"), rules.text_in("en")])
    long = f"for {rules.seconds:g} s" if rules.seconds else "from the first frame to the last"
    said = f"{' or '.join(f'“{text}”' for text in texts)}, {long}; the file names {rules.producer}."
    left_out = [text for text in texts if drawable(text) != " ".join(text.split())]
    if left_out:
        drawn = drawable(left_out[0])
        return bad("label", said, f"Only “{drawn}” can be drawn; change CHORUS_LABEL_TEXT.")
    return good("label", said)


def _words(settings: Settings) -> Finding:
    from pipeline.errors import WeightsBroken
    from pipeline.speech.scribe import FILES, WEIGHTS, installed, try_out

    models = models_folder(settings)
    if weights := installed(models):
        try:
            try_out(weights)
        except WeightsBroken as error:
            broken = f"Whisper's weights in {weights} cannot be used ({error})."
            return bad("words", broken, "Put a whole faster-whisper model there, or remove them.")
        return good("words", "Whisper's words sharpen the lips and make captions.")
    wanted = f"{', '.join(FILES)} of a faster-whisper model would stand in {models / WEIGHTS}"
    return unused(
        "words",
        f"Lips go by the sound alone, and there are no captions; {wanted}.",
        f"chorus models pull {WEIGHTS} brings one.",
    )


def _devices(settings: Settings) -> Finding:
    """Where this machine's workers would compute, and how much of it at a time."""
    models = models_folder(settings)
    try:
        told = [
            f"{device.title}: {settings.slots or slots_of(settings.engine, device, models)} at a time"
            for device in devices_for(settings.engine, ())
        ]
    except DeviceRefused as refused:
        return bad("devices", str(refused))
    return good("devices", f"{'; '.join(told)}.")


async def _platforms(settings: Settings) -> list[Finding]:
    return [
        *await examine_telegram(settings),
        *await examine_wecom(settings),
        *await examine_dingtalk(settings),
    ]
