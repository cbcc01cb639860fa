"""The agent of a GPU node, behind the same proxy and token as the services."""

import httpx

from gpu.gateways.probes import trust
from gpu.gateways.upstream import Upstream
from wopr.common.errors import ProviderError
from wopr.common.http import client, request

TIMEOUT = httpx.Timeout(10.0, connect=3.0)


def restart(upstream: Upstream) -> None:
    """Has the node make the service at that port anew. Raises ProviderError."""
    headers = {"Authorization": f"Bearer {upstream.token}"}
    verify = trust(upstream.certificate)
    with client(
        upstream.url, timeout=TIMEOUT, verify=verify, headers=headers, trust_env=False
    ) as session:
        answer = request(session, "the GPU node", "POST", "/wopr/restart")
    if answer.status_code != httpx.codes.ACCEPTED:
        raise ProviderError(
            f"the GPU node answered {answer.status_code} to a restart", permanent=True
        )
