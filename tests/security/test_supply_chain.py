"""What looks for dangers finds them: checks that could not fail would be worth nothing."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.architecture.source import ROOT

BIN = Path(sys.executable).parent


def test_a_secret_that_is_planted_is_found(tmp_path: Path) -> None:
    planted = tmp_path / "settings.py"
    planted.write_text(f'TOKEN = "{"AKIA" + "IOSFODNN7EXAMPLE"}"\n')

    told = subprocess.run(
        [BIN / "detect-secrets-hook", planted], cwd=tmp_path, capture_output=True, text=True
    )

    assert told.returncode == 1
    assert "AWS Access Key" in told.stdout


def test_an_audit_that_cannot_ask_fails(tmp_path: Path) -> None:
    wanted = tmp_path / "requirements.txt"
    wanted.write_text("urllib3==1.24.1\n")
    nobody = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")

    told = subprocess.run(
        [BIN / "pip-audit", "--strict", "--disable-pip", "--no-deps", "--requirement", wanted],
        env={**os.environ, **nobody},
        capture_output=True,
    )

    assert told.returncode != 0


def test_every_requirement_is_pinned_by_its_hash() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text().replace("\\\n", " ")
        wanted = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
        assert wanted
        assert [line for line in wanted if "==" not in line or "--hash=sha256:" not in line] == []


def test_every_test_that_the_threat_model_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "threat-model.md").read_text()))
    files = (ROOT / "tests").rglob("test_*.py")
    there = {name for file in files for name in re.findall(r"def (test_\w+)", file.read_text())}
    assert named
    assert named - there == set()
