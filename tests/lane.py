"""Gives each worker process of a parallel run the parts that were started for it.

A plugin of its own, since Django's settings are read before any conftest is.
"""

import json
import os
from pathlib import Path

if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    found = Path(os.environ["WOPR_STACK_LANES"], f"{worker}.json").read_text()
    os.environ.update(json.loads(found))
