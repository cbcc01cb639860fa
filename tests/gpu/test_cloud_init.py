"""What a GPU node is told at its birth: valid, complete, and a script that holds together."""

import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings as django_settings

from gpu.booting import STAGES
from gpu.catalogue import PORTS
from gpu.models import GpuNode
from gpu.user_data import boot_script, user_data

BIN = Path(sys.executable).parent
COMPOSE = django_settings.BASE_DIR / "containers" / "gpu" / "compose.yaml"


@pytest.fixture
def told(db: None, settings: Any) -> dict[str, Any]:
    settings.GPU_NODE_SECRET = "a secret of the tests"
    settings.WOPR_NODE_SSH_KEY = "ssh-ed25519 AAAA operator"
    settings.WOPR_GPU_MODELS = ["llama.gguf 00ff https://models.example/llama.gguf?a=1&b='2'"]
    text = user_data(GpuNode.objects.create(name="gpu-1"))
    assert text.startswith("#cloud-config\n")
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


def files(told: dict[str, Any]) -> dict[str, str]:
    return {
        f["path"]: base64.b64decode(f["content"]).decode() if "encoding" in f else f["content"]
        for f in told["write_files"]
    }


def test_the_boot_is_a_unit_that_goes_on_after_a_reboot_and_ends_with_the_boot(
    told: dict[str, Any],
) -> None:
    unit = files(told)["/etc/systemd/system/wopr-boot.service"]
    assert "ExecStart=/opt/wopr/boot.sh" in unit
    assert "ConditionPathExists=!/var/lib/wopr/done" in unit
    assert ["systemctl", "enable", "wopr-boot.service"] in told["runcmd"]
    assert told["ssh_authorized_keys"] == ["ssh-ed25519 AAAA operator"]


def test_what_the_script_reads_is_what_was_meant_whatever_is_in_it(
    told: dict[str, Any], tmp_path: Path
) -> None:
    environment = tmp_path / "gpu.env"
    environment.write_text(files(told)["/etc/wopr/gpu.env"])
    read = subprocess.run(
        ["bash", "-c", f'. {environment}; echo "$WOPR_NODE"; echo "$WOPR_MODELS"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert read.stdout.splitlines() == [
        "gpu-1",
        "llama.gguf 00ff https://models.example/llama.gguf?a=1&b='2'",
    ]


def test_secrets_are_readable_by_root_alone(told: dict[str, Any]) -> None:
    modes = {f["path"]: f["permissions"] for f in told["write_files"]}
    assert modes["/etc/wopr/gpu.env"] == "0600"
    assert modes["/opt/wopr/boot.sh"] == "0700"


def test_the_script_is_clean() -> None:
    checked = subprocess.run(
        [BIN / "shellcheck", "--shell=bash", "-"],
        input=boot_script(),
        capture_output=True,
        text=True,
    )
    assert checked.stdout == ""


def test_the_script_knows_every_stage_in_its_order() -> None:
    said = [line.split()[1] for line in boot_script().splitlines() if line.startswith("stage ")]
    assert said == list(STAGES)


def shown(folder: Path, compose: str) -> dict[str, Any]:
    """What Compose understands, in a folder as it is on the node."""
    (folder / "proxy.env").write_text("WOPR_INFERENCE_TOKEN=t\n")
    (folder / "docker-compose.gpu.yml").write_text(compose)
    ran = subprocess.run(
        [BIN / "docker-compose", "--file", folder / "docker-compose.gpu.yml", "config"],
        capture_output=True,
        text=True,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "WOPR_PROXY_ENV": str(folder / "proxy.env"),
        },
    )
    assert ran.returncode == 0, ran.stderr
    understood: dict[str, Any] = yaml.safe_load(ran.stdout)
    return understood


def test_compose_takes_the_file_and_publishes_the_ports_that_are_asked(tmp_path: Path) -> None:
    services = shown(tmp_path, COMPOSE.read_text())["services"]
    published = {int(p["published"]) for p in services["proxy"]["ports"]}
    assert published == set(PORTS.values())
    assert not any("ports" in services[kind.value] for kind in PORTS)
    for kind in PORTS:
        assert "healthcheck" in services[kind.value]
        [device] = services[kind.value]["deploy"]["resources"]["reservations"]["devices"]
        assert device["capabilities"] == ["gpu"]


def test_images_models_and_slots_are_those_of_the_settings(
    settings: Any, told: dict[str, Any], tmp_path: Path
) -> None:
    settings.WOPR_GPU_SERVICES = {
        "WOPR_LLAMA_IMAGE": "registry.example/llama.cpp:b1",
        "WOPR_LLAMA_MODEL": "other model.gguf",
        "WOPR_QWEN_SLOTS": "9",
        "WOPR_WHISPER_MODEL": "/models/whisper",
    }
    written = files(yaml.safe_load(user_data(GpuNode.objects.get())))
    (tmp_path / ".env").write_text(written["/opt/wopr/.env"])
    services = shown(tmp_path, written["/opt/wopr/docker-compose.gpu.yml"])["services"]
    assert services["llama"]["image"] == "registry.example/llama.cpp:b1"
    assert "--model=/models/other model.gguf" in services["llama"]["command"]
    assert "--parallel=9" in services["qwen"]["command"]
    assert services["whisper"]["environment"]["WHISPER__MODEL"] == "/models/whisper"
    assert services["qwen"]["image"] == "ghcr.io/ggml-org/llama.cpp:server-cuda"


def test_chatterbox_finds_what_was_checked_where_its_library_looks_and_asks_nobody(
    tmp_path: Path,
) -> None:
    understood = shown(tmp_path, COMPOSE.read_text())
    chatterbox = understood["services"]["chatterbox"]
    home, offline = (chatterbox["environment"][name] for name in ("HF_HOME", "HF_HUB_OFFLINE"))
    [models], [newest] = chatterbox["volumes"], chatterbox["configs"]
    assert (models["source"], models["read_only"]) == ("/var/lib/wopr/models/chatterbox", True)
    cache = f"{home}/hub/models--ResembleAI--chatterbox"
    assert (newest["target"], offline) == (f"{cache}/refs/main", "1")
    # The library takes every character for the revision's name, a line's end too.
    revision = understood["configs"][newest["source"]]["content"]
    assert models["target"] == f"{cache}/snapshots/{revision}"


@pytest.mark.parametrize("broken", ["", "exit 3"])
def test_a_boot_reports_its_stages_or_where_it_failed(tmp_path: Path, broken: str) -> None:
    """The whole script, with the machine's own commands replaced by ones that only say yes."""
    said, answer = tmp_path / "said", '{"inference_token": "t", "address": "203.0.113.7"}'
    commands = tmp_path / "bin"
    commands.mkdir()
    curl = (
        "by=$1\n"
        "for a; do case $last in --data-binary) body=$a;; --output) out=$a;; esac; last=$a; done\n"
        "case $last in *register*) [ $by = --ipv4 ] || exit 7;"
        f" echo \"${{last##*=}} $body\" >> {said}; echo '{answer}' > $out;"
        " printf 200;; *) : > $out;; esac"
    )
    scripts = dict.fromkeys(("apt-get", "nvidia-smi", "nvidia-ctk", "systemctl"), "exit 0")
    scripts |= {"curl": curl, "docker": broken or "exit 0", "sync": "exit 0"}
    scripts |= {"tee": "exec cat", "openssl": 'while [ "$1" != -out ]; do shift; done; echo > "$2"'}
    for name, body in scripts.items():
        (commands / name).write_text(f"#!/bin/bash\nlast=\n{body}\n")
        (commands / name).chmod(0o755)
    etc = tmp_path / "etc"
    etc.mkdir()
    values = {
        "WOPR_REGISTER_URL": "https://api.example/internal/gpu/register",
        "WOPR_NODE": "gpu-1",
        "WOPR_BOOT_TOKEN": "t",
        "WOPR_MODELS": "'  '",
        "WOPR_NVIDIA_DRIVERS": "https://d.example",
        "WOPR_NVIDIA_TOOLKIT": "https://t.example",
        "WOPR_PATIENCE": "0",
    }
    (etc / "gpu.env").write_text("".join(f"{n}={v}\n" for n, v in values.items()))
    script = boot_script().replace("/etc/wopr", str(etc))
    script = script.replace("/usr/share/keyrings", str(etc)).replace(
        "/etc/apt/sources.list.d", str(etc)
    )
    ran = subprocess.run(
        ["bash", "-c", script],
        env={"PATH": f"{commands}:{os.environ['PATH']}", "WOPR_STATE": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    told = [line.split()[0] for line in said.read_text().splitlines()]
    if not broken:
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert told == [s for stage in STAGES for s in (stage, stage)] + ["done"]
        assert (tmp_path / "state" / "done").exists()
    else:
        assert ran.returncode == 1
        assert told[-1] == "installing_docker"
        assert '"event": "fail"' in said.read_text()
        assert (tmp_path / "state" / "failed").exists()
