"""The authenticator of the demo's staff: its key, and the code of this moment (RFC 6238)."""

import argparse
import base64
import hashlib
import hmac
import secrets
import time

from sandbox.stack.places import Folder

PERIOD = 30
DIGITS = 6


def key_of(folder: Folder) -> str:
    """Return the key, for a person's authenticator app too."""
    return folder.secret("staff authenticator", _new_key)


def code_now(key: str) -> str:
    """Return what an authenticator app with this key shows now."""
    counter = int(time.time()) // PERIOD
    digest = hmac.new(base64.b32decode(key), counter.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def code(options: argparse.Namespace) -> int:
    """Print the code that the staff of this folder's stack sign in with now."""
    print(code_now(key_of(Folder(options.folder))))
    return 0


def _new_key() -> str:
    return base64.b32encode(secrets.token_bytes(20)).decode()
