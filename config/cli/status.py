"""``chorus status``: who works on what, what waits, what is stuck; a live table for operators."""

import asyncio
import contextlib
import shutil
from datetime import datetime
from typing import Any, Final

import click
from redis.exceptions import RedisError
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from config.cli.output import FAILED, Failed, ending, json_option, last_line
from config.cli.starting import run
from config.settings import Settings, load_settings
from config.system import Wanted, running_system
from config.wiring import Wires, wires
from worker.contract.ports import LedgerUnavailable, StoreUnavailable
from worker.contract.records import BatchRecord, ClipState
from worker.overview import Leased, Overlook, Overview, stuck
from worker.roster import Card

_EVERY_S: Final = 2.0
_STORE_WITHIN_S: Final = 5.0
_SHOWN: Final = 30
"""Batches on the table; all are in the JSON."""


@click.command(short_help="Who works on what, what waits, what is stuck.")
@json_option
@click.option("--once", is_flag=True, help="Print it once instead of keeping it up to date.")
def status(as_json: bool, once: bool) -> None:
    """Who works on what, what waits, which orders run and which are stuck.

    On a terminal the table is kept up to date until Ctrl-C.
    """
    settings = load_settings()
    run(_status(settings, as_json=as_json, once=once))


async def _status(settings: Settings, *, as_json: bool, once: bool) -> None:
    async with running_system(settings, Wanted()) as system, wires(system.settings) as hand:
        console = Console(highlight=False)
        if as_json:
            seen = await look(hand, settings)
            last_line(seen)
            if not seen["redis"]["up"]:
                ending(FAILED)
        elif once or not console.is_terminal:
            console.print(_page(await look(hand, settings)))
        else:
            await _keep_showing(console, hand, settings)


async def _keep_showing(console: Console, hand: Wires, settings: Settings) -> None:
    with Live(console=console, auto_refresh=False, screen=False) as live:
        while True:
            live.update(_page(await look(hand, settings)), refresh=True)
            await asyncio.sleep(_EVERY_S)


async def look(hand: Wires, settings: Settings) -> dict[str, Any]:
    """Everything, as ``--json`` prints it."""
    parts: dict[str, Any] = {
        "redis": await _redis(hand),
        "store": await _store(hand, settings),
        "disk_free_bytes": _free(settings),
    }
    if not parts["redis"]["up"]:
        return parts
    overlook = Overlook(hand.ledger)
    try:
        seen = await overlook.look(movement=True)
        cards, batches = await hand.roster.cards(), await overlook.running()
    except LedgerUnavailable as error:
        raise Failed(f"Redis went away while it was asked: {error}.") from None
    codes = {batch.id: batch.code for batch in batches}
    return {
        **parts,
        "at": seen.at.isoformat(),
        "waiting": seen.waiting,
        "running": seen.running,
        "oldest_waiting_s": seen.oldest_s,
        "processes": [_process(card, seen, codes) for card in cards],
        "batches": [_batch(batch, seen) for batch in batches],
        "stuck": [batch.code for batch in batches if stuck(batch, seen)],
    }


def _process(card: Card, seen: Overview, codes: dict[str, str]) -> dict[str, Any]:
    doing = [_doing(lease, seen, codes) for lease in seen.leases if lease.worker == card.name]
    return {**card.model_dump(mode="json"), "doing": doing}


def _doing(lease: Leased, seen: Overview, codes: dict[str, str]) -> dict[str, Any]:
    *_, last = lease.item.split(":")
    return {
        "kind": lease.kind,
        "batch": codes.get(lease.batch_id or ""),
        "clip": int(last) if lease.kind == "clip" else None,
        "seconds": round((seen.at - lease.since).total_seconds(), 1) if lease.since else None,
        "attempt": lease.attempt,
    }


def _batch(batch: BatchRecord, seen: Overview) -> dict[str, Any]:
    states = [clip.state for clip in batch.clips]
    return {
        "code": batch.code,
        "state": batch.state,
        "platform": batch.order.chat.platform,
        "engine": batch.order.engine,
        "clips": {state.value: states.count(state) for state in ClipState if state in states},
        "age_s": round((seen.at - batch.created_at).total_seconds(), 1),
        "stuck": stuck(batch, seen),
    }


async def _redis(hand: Wires) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = await hand.redis.info()
    except RedisError as error:
        return {"up": False, "why": str(error)}
    return {
        "up": True,
        "version": facts["redis_version"],
        "used_bytes": facts["used_memory"],
        "limit_bytes": facts.get("maxmemory") or None,
    }


async def _store(hand: Wires, settings: Settings) -> dict[str, Any]:
    try:
        async with asyncio.timeout(_STORE_WITHIN_S):
            async for _ in hand.store.list("templates/"):
                break
    except StoreUnavailable as outage:
        return {"kind": settings.store, "up": False, "why": str(outage)}
    except TimeoutError:
        return {"kind": settings.store, "up": False, "why": f"no answer in {_STORE_WITHIN_S:g} s"}
    return {"kind": settings.store, "up": True}


def _free(settings: Settings) -> int | None:
    with contextlib.suppress(OSError):
        return shutil.disk_usage(settings.data_dir).free
    return None


def _page(seen: dict[str, Any]) -> Group:
    if not seen["redis"]["up"]:
        return Group(_parts(seen))
    return Group(_parts(seen), Text(), _processes(seen), Text(), _batches(seen))


def _parts(seen: dict[str, Any]) -> Text:
    redis, store = seen["redis"], seen["store"]
    lines = Text()
    if redis["up"]:
        limit = f" of {_size(redis['limit_bytes'])}" if redis["limit_bytes"] else ""
        lines.append(f"Redis {redis['version']}: {_size(redis['used_bytes'])}{limit}")
    else:
        lines.append(f"Redis is away: {redis['why']}", "red")
    lines.append(" · ")
    if store["up"]:
        lines.append(f"store {store['kind']} answers")
    else:
        lines.append(f"store {store['kind']} is away: {store['why']}", "red")
    if seen["disk_free_bytes"] is not None:
        lines.append(f" · {_size(seen['disk_free_bytes'])} free here")
    if not redis["up"]:
        return lines
    waiting = ", ".join(f"{kind} {count}" for kind, count in seen["waiting"].items() if count)
    oldest = max(seen["oldest_waiting_s"].values(), default=0.0)
    lines.append(f"\nWaiting: {waiting or 'nothing'}")
    if oldest:
        lines.append(f", the oldest for {_time(oldest)}")
    return lines


def _processes(seen: dict[str, Any]) -> Table:
    table = Table("process", "on", "since", "engine", "device", "does", box=None, pad_edge=False)
    for each in seen["processes"]:
        since = datetime.fromisoformat(each["since"]).astimezone().strftime("%d %b %H:%M")
        doing = Text("; ".join(_said(one) for one in each["doing"]))
        if each["role"] == "front end":
            doing = Text(", ".join(each["platforms"]) or "console")
        elif each["engine_trouble"]:
            trouble = Text(f"no engine: {each['engine_trouble']}", "red")
            doing = Text("; ").join([trouble, doing] if doing else [trouble])
        gpu = each["gpu_used_bytes"]
        device = each["device"] + (
            f" ({_size(gpu)} of {_size(each['gpu_total_bytes'])})" if gpu is not None else ""
        )
        table.add_row(
            each["role"], each["host"], since, each["engine"], device, doing or Text("nothing")
        )
    if not any(each["role"] == "worker" for each in seen["processes"]):
        table.add_row(Text("no worker", "red"), "", "", "", "", "start one: chorus worker")
    return table


def _batches(seen: dict[str, Any]) -> Table:
    table = Table("order", "state", "platform", "age", "Clips", box=None, pad_edge=False)
    batches = sorted(seen["batches"], key=lambda batch: not batch["stuck"])
    for each in batches[:_SHOWN]:
        clips = ", ".join(f"{count} {state}" for state, count in each["clips"].items())
        state = Text(f"{each['state']}, stuck", "red") if each["stuck"] else Text(each["state"])
        table.add_row(each["code"], state, each["platform"], _time(each["age_s"]), clips)
    if len(batches) > _SHOWN:
        table.add_row("…", f"{len(batches) - _SHOWN} more", "", "", "")
    if not batches:
        table.add_row("none", "", "", "", "")
    return table


def _said(doing: dict[str, Any]) -> str:
    of = f" {doing['batch']}" if doing["batch"] else ""
    number = f"/{doing['clip']}" if doing["clip"] else ""
    again = f", attempt {doing['attempt']}" if doing["attempt"] > 1 else ""
    lasts = f" {_time(doing['seconds'])}" if doing["seconds"] is not None else ""
    return f"{doing['kind']}{of}{number}{lasts}{again}"


def _size(size_bytes: int) -> str:
    return (
        f"{size_bytes / 2**30:.1f} GiB" if size_bytes >= 2**30 else f"{size_bytes / 2**20:.0f} MiB"
    )


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes} min"
        if hours
        else f"{minutes} min {rest} s"
        if minutes
        else f"{rest} s"
    )
