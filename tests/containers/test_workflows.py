"""The pipeline: its scripts are sound, what it names exists, and nobody outside puts words in."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.wopr.processes import ROOT

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
WORKFLOWS: dict[str, Any] = {file.name: yaml.safe_load(file.read_text()) for file in FILES}
JOBS = {
    f"{file}, {name}": job
    for file, workflow in WORKFLOWS.items()
    for name, job in workflow["jobs"].items()
}
SCRIPTS = [step["run"] for job in JOBS.values() for step in job.get("steps", []) if "run" in step]
EXPRESSION = re.compile(r"\$\{\{(.+?)\}\}")
# What GitHub knows in any place where an expression may stand.
CONTEXTS = {"env", "github", "needs", "secrets", "steps", "vars"}


def test_there_are_checks_and_a_release() -> None:
    assert {"checks.yaml", "release.yaml"} <= WORKFLOWS.keys()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.splitlines()[0][:40])
def test_shellcheck_finds_nothing_in_a_script(script: str) -> None:
    # GitHub runs them so: bash -e {0}
    told = subprocess.run(
        [Path(sys.executable).with_name("shellcheck"), "--shell=bash", "-"],
        input=f"#!/bin/bash -e\n{script}", capture_output=True, text=True,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.splitlines()[0][:40])
def test_a_script_gets_values_by_its_environment_only(script: str) -> None:
    """A branch may have any name: pasted into a script it would be run."""
    assert not EXPRESSION.search(script)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.splitlines()[0][:40])
def test_what_a_script_calls_is_in_the_repository(script: str) -> None:
    named = re.findall(r"(?<![\w/.~])(?:\.ci|containers)/[\w./-]+", script)
    assert [name for name in named if not (ROOT / name).exists()] == []
    targets = re.findall(r"\bmake (?!python)([a-z-]+)(?= |$)", script, re.M)
    makefile = (ROOT / "Makefile").read_text()
    known = [target for target in targets if f"\n{target}:" in makefile]
    assert known == targets or "apt-get" in script


@pytest.mark.parametrize("name", JOBS)
def test_a_job_ends_and_waits_for_jobs_that_exist(name: str) -> None:
    job, siblings = JOBS[name], WORKFLOWS[name.partition(",")[0]]["jobs"]
    needed = job.get("needs", [])
    assert set([needed] if isinstance(needed, str) else needed) <= siblings.keys()
    if uses := job.get("uses"):
        assert (ROOT / uses).exists()
    else:
        assert job["timeout-minutes"] <= 90


@pytest.mark.parametrize("name", JOBS)
def test_a_job_that_runs_make_has_the_python_that_make_wants(name: str) -> None:
    job = JOBS[name]
    steps = job.get("steps", [])
    if any("make venv" in step.get("run", "") for step in steps):
        setup = [step for step in steps if step.get("uses", "").startswith("actions/setup-python")]
        assert [step["with"]["python-version"] for step in setup] == ["3.11"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_workflow_may_only_read_unless_a_job_says_more(file: Path) -> None:
    assert WORKFLOWS[file.name]["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_an_expression_is_about_something_that_github_knows(file: Path) -> None:
    for expression in EXPRESSION.findall(file.read_text()):
        assert expression.strip().partition(".")[0] in CONTEXTS, expression


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_actions_are_of_a_version_and_outputs_of_a_step_that_exists(file: Path) -> None:
    for job in WORKFLOWS[file.name]["jobs"].values():
        steps = job.get("steps", [])
        ids = {step["id"] for step in steps if "id" in step}
        assert set(re.findall(r"steps\.(\w+)\.", str(job))) <= ids
        used = [step["uses"] for step in steps if "uses" in step]
        assert all(re.fullmatch(r"[\w.-]+/[\w./-]+@v\d+", action) for action in used), used
