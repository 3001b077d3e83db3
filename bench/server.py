"""One server process, set up as `leadtrackr serve` is: `python -m bench.server FACTORY` prints its port."""

import sys

import uvicorn

from leadtrackr.cli import listening


def main() -> None:
    """Serves the application that the factory makes until it is told to stop."""
    listener = listening.bind("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)
    config = listening.configure(sys.argv[1], factory=True, lifespan="on", log_level="warning")
    uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
