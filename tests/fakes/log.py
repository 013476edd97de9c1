"""All that is logged while a fake server runs, as an operator's log would have it."""

import logging

from typing_extensions import override


class Log(logging.Handler):
    """Keeps the lines."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.lines: list[str] = []
        self._before = logging.WARNING

    def begin(self) -> None:
        root = logging.getLogger()
        self._before = root.level
        root.setLevel(logging.DEBUG)
        root.addHandler(self)

    def end(self) -> None:
        root = logging.getLogger()
        root.removeHandler(self)
        root.setLevel(self._before)

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
