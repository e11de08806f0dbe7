"""`python -m simulators [--host 127.0.0.1] [--port 8100]`: serve both vendors on loopback."""

import argparse

import uvicorn

from simulators.app import create_app


def main() -> None:
    """Parse the command line and serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m simulators", description="Stand-in Intuit and Xero")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--log-level", default="warning")
    args = parser.parse_args()
    uvicorn.run(create_app(), host=args.host, port=args.port, log_level=args.log_level)


if __name__ == "__main__":
    main()
