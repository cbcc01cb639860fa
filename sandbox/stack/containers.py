"""Start and stop the containers of one deployment together with its stack.

Runs as a part of the stack, so it is asked to end on Ctrl-C and after `kill -9` alike. Only
objects that carry the deployment's label are touched.
"""

import argparse
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, NotFound

LABEL = "wopr.deployment"


def start_again(client: docker.DockerClient, memory: Path) -> None:
    """Start the containers that the previous end of the stack had stopped."""
    if not memory.exists():
        return
    for container_id in memory.read_text().split():
        try:
            client.api.start(container_id)
        except (NotFound, APIError) as error:
            print(f"not started again: {container_id}: {error}", flush=True)
    memory.unlink()


def stop_running(client: docker.DockerClient, deployment: str, memory: Path) -> None:
    """Stop what runs, and write down what it was before anything is stopped."""
    running = [c["Id"] for c in client.api.containers(filters=marked(deployment))]
    memory.write_text("\n".join(running))
    in_parallel(lambda container_id: client.api.stop(container_id, timeout=3), running)


def remove_all(client: docker.DockerClient, deployment: str, image: str) -> None:
    """Remove the deployment's containers, volumes and networks, and what it pulled."""
    api, filters = client.api, marked(deployment)
    found = [container["Id"] for container in api.containers(all=True, filters=filters)]
    in_parallel(lambda container_id: api.remove_container(container_id, v=True, force=True), found)
    for volume in api.volumes(filters=filters)["Volumes"] or []:
        api.remove_volume(volume["Name"], force=True)
    for network in api.networks(names=[network_of(deployment)]):
        if network["Name"] == network_of(deployment):
            api.remove_network(network["Id"])
    for pulled in api.images(name=image):
        for name in (*(pulled["RepoTags"] or []), *(pulled["RepoDigests"] or [])):
            if name.startswith((f"{image}:", f"{image}@")):
                # The last name of an image takes the others with it.
                unless_gone(lambda n: api.remove_image(n, force=True, noprune=True), name)


def network_of(deployment: str) -> str:
    """Return the name of the network of one deployment's instances."""
    return f"{deployment}-tenants"


def marked(deployment: str) -> dict[str, str]:
    """Return the filter for objects of one deployment."""
    return {"label": f"{LABEL}={deployment}"}


def unless_gone(act: Callable[[str], Any], name: str) -> None:
    """Do it; what is gone already is as wished."""
    try:
        act(name)
    except NotFound:
        print(f"gone already: {name}", flush=True)


def in_parallel(act: Callable[[str], Any], names: list[str]) -> None:
    """Do the same to many objects."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(partial(unless_gone, act), names))


def main() -> None:
    """Wait for the end of the stack between starting and stopping."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine")
    parser.add_argument("deployment")
    parser.add_argument("image", help="the repository whose pulled images go with the stack")
    parser.add_argument("memory", type=Path)
    end = parser.add_mutually_exclusive_group(required=True)
    end.add_argument("--keep", action="store_true", help="stop containers, start them next time")
    end.add_argument("--remove", action="store_true", help="remove containers and volumes")
    options = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    client = docker.DockerClient(base_url=options.engine, version="auto", timeout=60)
    start_again(client, options.memory)
    options.memory.with_suffix(".ready").touch()
    signal.sigwait([signal.SIGTERM])
    if options.keep:
        stop_running(client, options.deployment, options.memory)
    else:
        remove_all(client, options.deployment, options.image)


if __name__ == "__main__":
    main()
