"""The engines that the engine process holds: opened once, told of, and the least used let go where a device has no room for another."""

import gc
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, replace
from typing import Any, Final

from pipeline.engines.port import Hardware, LipSync
from pipeline.engines.registry import open_engine
from pipeline.engines.weights.finding import Shelf
from pipeline.errors import DeviceFull, Stopped

Opening = Callable[[str, Shelf, Hardware], LipSync]

LOOK_EVERY_S: Final = 0.5
"""How often is looked whether what is waited for is there, and whether whoever waits for it still wants to."""


def patiently() -> None:
    """Be the ``waiting`` of whoever cannot be stopped."""


class Residence:
    """Opened engines by name, the longest unused first. For several threads."""

    def __init__(self, shelf: Shelf, hardware: Hardware, opening: Opening = open_engine) -> None:
        """``shelf`` has the weights; unchecked ones are for the engine that is warmed, and for no other."""
        self._shelf = shelf
        self._hardware = hardware
        self._opening = opening
        self._warmed = ""
        self._engines: OrderedDict[str, LipSync] = OrderedDict()
        self._leaving: list[weakref.ref[LipSync]] = []
        """Let go, and held by the Clips that they render until these are done."""
        self._loads: dict[str, int] = {}
        self._lock = threading.Lock()
        self._opener = ThreadPoolExecutor(1, thread_name_prefix="open")
        """Engines that opened at the same time would take each other's room."""

    def warm(self, name: str) -> None:
        """Open the engine that this process is started with; raises EngineUnavailable."""
        self._warmed = name
        self.engine(name)

    def engine(self, name: str, waiting: Callable[[], None] = patiently) -> LipSync:
        """Give an engine, opened if need be.

        Args:
            name: As for ``open_engine``.
            waiting: Called now and then until it is there; may raise ``Stopped``. What has begun to open then opens all the same.

        Raises:
            EngineUnavailable: It cannot be used here.
            DeviceFull: It does not fit, not even alone.
        """
        held = self._held(name)
        if held is not None:
            return held
        given_up = threading.Event()
        opening = self._opener.submit(self._opened, name, given_up)
        try:
            while not wait([opening], LOOK_EVERY_S).done:
                waiting()
            return opening.result()
        finally:
            given_up.set()

    def as_json(self) -> Mapping[str, Any]:
        """Tell of each engine how often it was loaded, and what its models are at."""
        with self._lock:
            return {
                name: {"loads": self._loads[name], **asdict(engine.residents())}
                for name, engine in self._engines.items()
            }

    def _held(self, name: str) -> LipSync | None:
        with self._lock:
            if name in self._engines:
                self._engines.move_to_end(name)
            return self._engines.get(name)

    def _opened(self, name: str, given_up: threading.Event) -> LipSync:
        if given_up.is_set():
            raise Stopped
        held = self._held(name)  # somebody else may have had it opened meanwhile
        if held is None:
            held = self._open(name, given_up)
            with self._lock:
                self._engines[name] = held
                self._loads[name] = self._loads.get(name, 0) + 1
        return held

    def _open(self, name: str, given_up: threading.Event) -> LipSync:
        shelf = self._shelf if name == self._warmed else Shelf(self._shelf.models)
        while True:
            alone = not (self._others() or self._still_leaving())
            try:
                return self._opening(name, shelf, replace(self._hardware, alone=alone))
            except DeviceFull:
                if alone:
                    raise
            self._let_go()
            gc.collect()  # what the attempt had loaded, too: its error held it
            while self._still_leaving():
                if given_up.wait(LOOK_EVERY_S):
                    raise Stopped
                gc.collect()

    def _others(self) -> list[str]:
        """The engines that take room of a device, the longest unused first."""
        with self._lock:
            return [name for name, engine in self._engines.items() if engine.residents().device]

    def _let_go(self) -> None:
        """Let the longest unused engine with models go, if there is one."""
        for name in self._others()[:1]:
            with self._lock:
                self._leaving.append(weakref.ref(self._engines.pop(name)))

    def _still_leaving(self) -> bool:
        self._leaving = [each for each in self._leaving if each() is not None]
        return bool(self._leaving)
