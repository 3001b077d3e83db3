"""One uvicorn process for either side: `python -m bench.server FACTORY` prints the port that it listens at."""

import socket
import sys

import uvicorn


def main() -> None:
    """Serves the application that the factory makes until it is told to stop."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", 0))
    listening.listen(256)
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(
        sys.argv[1],
        factory=True,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        log_config=None,
    )
    uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    main()
