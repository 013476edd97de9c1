"""The engine process as the foreman of a deployment starts it: ``worker.engine`` with this project's logging."""

import sys

from config.logs import configure_logging
from config.settings import SettingsRefused, load_settings
from worker.engine import main as be_the_engine


def main() -> None:
    """Entry point of the process."""
    try:
        configure_logging("engine", load_settings())
    except SettingsRefused as error:
        sys.exit(str(error))
    be_the_engine()


if __name__ == "__main__":
    main()
