/** What to do when a bot's disk is nearly full, or full. */
import { post } from "../api.js";
import { figure } from "../format.js";
import { html, useState } from "../preact.js";
import { ErrorNotice, Notice } from "./notice.js";
import { toast } from "./toast.js";

const gigabytes = (bytes) => figure(Math.round(bytes / 1e7) / 100);

const amount = (instance) => `${gigabytes(instance.disk_used ?? 0)} GB of ${instance.disk_gb} GB`;

function CleanUp({ instance, reload }) {
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const ask = async () => {
    setBusy(true);
    setError(null);
    try {
      await post(`/instances/${instance.id}/disk/grace`);
      toast("Your bot may run for an hour");
      reload();
    } catch (refusal) {
      setError(refusal);
    }
    setBusy(false);
  };
  return html`<div class="actions">
      <button class="button" type="button" disabled=${busy} onClick=${ask}>
        Run it for an hour to clean up
      </button>
    </div>
    <${ErrorNotice} error=${error} title="The hour was not given" />`;
}

function Full({ instance, reload }) {
  const until = instance.disk_grace_until && new Date(instance.disk_grace_until);
  if (until > new Date()) {
    const time = until.toLocaleTimeString(undefined, { timeStyle: "short" });
    return html`<${Notice} tone="warning" title="Clean up now">
      Your bot keeps ${amount(instance)}. It may run until ${time}; if it is still full then, it is
      stopped.
    <//>`;
  }
  return html`<${Notice} tone="danger" title="The disk is full">
    <p>
      Your bot keeps ${amount(instance)}. A full bot is stopped, so that it loses nothing of what it
      would write; what it stored is kept. With a larger plan it starts again by itself.
    </p>
    <${CleanUp} instance=${instance} reload=${reload} />
  <//>`;
}

export function DiskNotice({ instance, reload }) {
  if (["suspended", "terminated"].includes(instance.status)) return null;
  if (instance.disk_state === "full") return html`<${Full} instance=${instance} reload=${reload} />`;
  if (instance.disk_state !== "nearly_full") return null;
  return html`<${Notice} tone="warning" title="The disk is nearly full">
    Your bot keeps ${amount(instance)}. Delete what it does not need, or choose a plan with more room;
    a full bot is stopped.
  <//>`;
}
