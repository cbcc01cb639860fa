"""python -m sandbox.inference --port N: every service of a GPU node behind one port."""

import argparse
import os

import uvicorn

from sandbox.inference.services import Machine, service


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    options = parser.parse_args()
    machine = Machine(token=os.environ["SANDBOX_GPU_TOKEN"])
    uvicorn.run(service(machine), host=options.host, port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
