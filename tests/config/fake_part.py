"""A part for the supervisor's tests: says that it is ready unless told to fail, then waits for SIGTERM, or SIGINT if it drains."""

import json
import signal
import sys
import threading


def main() -> None:
    if "--fail" in sys.argv:
        sys.exit("the key does not fit")
    stop = threading.Event()
    drains = "--drains" in sys.argv
    signal.signal(signal.SIGTERM, lambda *_: None if drains else stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    print("noise that is not ours", flush=True)
    print(json.dumps({"event": "ready", "door": "here"}), flush=True)
    stop.wait()


if __name__ == "__main__":
    main()
