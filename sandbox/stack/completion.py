"""The stage of the journey in which a bot asks the inference gateway from inside its container."""

import json
from typing import TYPE_CHECKING, Any, cast

from sandbox.stack.containers import marked
from sandbox.stack.engine import Engine
from sandbox.stack.supervisor import wait_until

if TYPE_CHECKING:
    from sandbox.stack.journey import Customer

# The nodes are looked at every half minute.
PATIENCE = 90.0
# With what the bot was given, and no more. The reference bot is made of Python.
ASK = """
import json, os, urllib.request
request = urllib.request.Request(
    os.environ["WOPR_API_BASE_URL"] + "/chat/completions",
    data=json.dumps({"messages": [{"role": "user", "content": "Shall we play a game?"}]}).encode(),
    headers={"Authorization": "Bearer " + os.environ["WOPR_PLATFORM_TOKEN"],
             "Content-Type": "application/json"})
print(urllib.request.urlopen(request, timeout=20).read().decode())
"""


def ask_from_the_bot(customer: "Customer") -> str:
    """As the bot: get a completion, from where and with what it was given."""
    environment = customer.environment
    client = Engine(environment["WOPR_STACK_ENGINE"], is_local=True).client()
    (bot,) = client.api.containers(filters=marked(environment["WOPR_DEPLOYMENT"]))
    answers: list[dict[str, Any]] = []

    def answered() -> bool:
        asked = client.containers.get(bot["Id"]).exec_run(["python3", "-c", ASK])
        code, output = asked.exit_code, cast(bytes, asked.output)
        if code == 0:
            answers.append(json.loads(output))
        return code == 0

    wait_until(answered, timeout=PATIENCE, what="a completion for the bot")
    return str(answers[0]["choices"][0]["message"]["content"])
