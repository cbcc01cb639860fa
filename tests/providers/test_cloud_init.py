"""What a new node is told: well-formed, complete, and closed to everybody but the platform."""

import ast
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleet import cloud_init, declared
from fleet.models import Server
from tests.providers.booting import files_of

TOKEN = "0123.token-of-a-test"


@pytest.fixture
def told(settings: Any) -> str:
    settings.WOPR_NODE_SSH_KEY = "ssh-ed25519 AAAAC3 operator"
    settings.WOPR_NODE_SOURCES = ["203.0.113.9/32", "2001:db8::/64"]
    settings.WOPR_OPERATOR_SOURCES = ["198.51.100.0/24"]
    return cloud_init.user_data(Server(provider="hetzner"), token=TOKEN)


def test_it_is_cloud_config_with_only_what_cloud_init_knows(told: str) -> None:
    assert told.startswith("#cloud-config\n")
    known = {
        "hostname", "preserve_hostname", "ssh_pwauth", "ssh_authorized_keys", "package_update",
        "package_upgrade", "packages", "write_files", "runcmd",
    }  # fmt: skip
    config = yaml.safe_load(told)
    assert set(config) == known
    assert config["ssh_pwauth"] is False
    assert {"docker.io", "unattended-upgrades", "nftables"} <= set(config["packages"])
    assert all(set(file) <= {"path", "content", "permissions"} for file in config["write_files"])


def test_the_engine_listens_by_mutual_tls_only(told: str) -> None:
    engine = json.loads(files_of(told)["/etc/wopr/daemon.json"])
    assert engine["tlsverify"] is True
    assert engine["hosts"] == ["unix:///var/run/docker.sock", "tcp://0.0.0.0:2376"]


def test_the_token_is_in_a_file_that_only_root_reads(told: str) -> None:
    files = yaml.safe_load(told)["write_files"]
    holding = [file for file in files if TOKEN in file["content"]]
    assert [(file["path"], file["permissions"]) for file in holding] == [
        ("/etc/wopr/enrolment.json", "0600")
    ]


def test_the_firewall_is_one_that_the_kernel_takes(told: str, tmp_path: Path) -> None:
    rules = tmp_path / "nftables.conf"
    rules.write_text(files_of(told)["/etc/nftables.conf"])
    assert "203.0.113.9/32" in rules.read_text()
    subprocess.run(["nft", "--check", "--file", str(rules)], check=True)


def test_without_a_key_there_is_no_way_in_by_ssh(settings: Any) -> None:
    settings.WOPR_NODE_SSH_KEY = ""
    told = cloud_init.user_data(Server(provider="hetzner"), token=TOKEN)
    assert "ssh_authorized_keys" not in yaml.safe_load(told)
    assert "dport 22 " not in files_of(told)["/etc/nftables.conf"]


def test_people_come_by_ssh_and_only_the_platform_to_the_engine(told: str) -> None:
    rules = files_of(told)["/etc/nftables.conf"]
    assert "set operators4" in rules
    assert "198.51.100.0/24" in rules
    assert "tcp dport 22 ip saddr @operators4 accept" in rules
    assert "tcp dport 2376 ip saddr @platform4 accept" in rules


@pytest.mark.usefixtures("told")
def test_the_providers_firewall_says_the_same() -> None:
    sources = {rule.ports: rule.sources for rule in declared.wall().rules}
    assert sources["22"] == ("198.51.100.0/24",)
    assert sources["8080-8083"] == ("203.0.113.9/32", "2001:db8::/64")


def test_the_enrolment_program_is_one(told: str) -> None:
    program = files_of(told)["/etc/wopr/enrol"]
    assert program.startswith("#!/usr/bin/env python3\n")
    ast.parse(program)
