/** A bot's releases: what it runs, what is out, when it is updated, and the way back. */
import { post, put } from "../api.js";
import { BotCrumbs } from "../parts/bot-crumbs.js";
import { Copyable } from "../parts/copy.js";
import { CrashNotice } from "../parts/crash.js";
import { ConfirmDialog } from "../parts/dialog.js";
import { Facts } from "../parts/facts.js";
import { Field, Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { Icon } from "../parts/icons.js";
import { ErrorNotice, Notice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Loading, Panel } from "../parts/panel.js";
import { RelativeTime } from "../parts/time.js";
import { toast } from "../parts/toast.js";
import { html, useState } from "../preact.js";
import { useResource } from "../resource.js";
import { navigate } from "../router.js";

/** "registry/name@sha256:9f2c41d0b7e3…" -> "sha256:9f2c41d0b7e3…" */
const short = (digest) => `${digest.replace(/^.*@/, "").slice(0, 19)}…`;

function Release({ value, none }) {
  if (!value) return html`<span class="muted">${none}</span>`;
  const { digest, created_at } = value;
  return html`<${Copyable} text=${digest} shown=${short(digest)} label="digest" mono />
    <span class="muted"> out <${RelativeTime} value=${created_at} /></span>`;
}

const UPDATE = {
  path: "update",
  title: "Update this bot now?",
  action: "Update now",
  effects: [
    "Its data is backed up first.",
    "It is away for some seconds while the new release takes its place.",
    "If it is worse than before, it goes back to the release that it runs now, by itself.",
  ],
};

const ROLL_BACK = {
  path: "roll-back",
  title: "Take this bot back to its earlier release?",
  action: "Roll back",
  effects: [
    "Its data is backed up first, and stays as it is.",
    "It is away for some seconds while the earlier release takes its place.",
    "It is not brought to this release again by itself; to a newer one it is.",
  ],
};

function Act({ id, what, primary, ...rest }) {
  const [state, setState] = useState({ asking: false, error: null });
  const confirm = async () => {
    setState({ asking: false, error: null });
    try {
      const operation = await post(`/instances/${id}/${what.path}`);
      navigate(`/operations/${operation.id}`);
    } catch (error) {
      setState({ asking: false, error });
    }
  };
  return html`<button
      class=${`button${primary ? " primary" : ""}`}
      type="button"
      onClick=${() => setState({ asking: true, error: null })}
      ...${rest}
    >
      ${what.action}
    </button>
    <${ErrorNotice} error=${state.error} title="Nothing was changed" />
    ${state.asking &&
    html`<${ConfirmDialog}
      title=${what.title}
      effects=${what.effects}
      action=${what.action}
      onConfirm=${confirm}
      onCancel=${() => setState({ asking: false, error: null })}
    />`}`;
}

function Releases({ id, updates }) {
  const { running, earlier, available } = updates;
  return html`<${Panel} title="Releases">
    <div class="stack tight">
      <${Facts}
        rows=${[
          ["Runs", html`<${Release} value=${running} none="nothing yet" />`],
          ["New", html`<${Release} value=${available} none="it runs the newest" />`],
          ["Before", html`<${Release} value=${earlier} none="it was not updated yet" />`],
        ]}
      />
      <div class="actions">
        ${available && html`<${Act} id=${id} what=${UPDATE} primary />`}
        ${earlier && html`<${Act} id=${id} what=${ROLL_BACK} />`}
      </div>
    </div>
  <//>`;
}

const POLICIES = [
  ["automatic", "As releases come out", "After they ran well elsewhere; at any hour."],
  ["nightly", "At night", "After they ran well elsewhere; only in the hour below."],
  ["manual", "By hand", "Nothing changes until you press “Update now”."],
];

const Policy = ({ value, title, text, chosen, onChoose }) => html`<label class="panel option">
  <input
    type="radio"
    name="policy"
    value=${value}
    checked=${chosen}
    onChange=${() => onChoose(value)}
  />
  <span class="option-body">
    <span class="plan-name">
      ${title}
      <span class="radio"><${Icon} name=${chosen ? "check-circle" : "circle"} /></span>
    </span>
    <span class="muted">${text}</span>
  </span>
</label>`;

const here = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

function When({ id, updates }) {
  const [policy, setPolicy] = useState(updates.policy);
  const { busy, errors, error, submit, form } = useForm(["hour", "time_zone"], async (values) => {
    const { hour = updates.hour, time_zone = updates.time_zone } = values;
    await put(`/instances/${id}/updates`, { policy, hour: Number(hour), time_zone });
    toast("Saved");
  });
  return html`<${Panel} title="When it is updated">
    <form class="stack" ref=${form} onSubmit=${submit}>
      <${ErrorNotice} error=${error} title="This was not saved" />
      <fieldset class="stack tight">
        <legend class="visually-hidden">When it is updated</legend>
        ${POLICIES.map(
          ([value, title, text]) =>
            html`<${Policy}
              key=${value}
              value=${value}
              title=${title}
              text=${text}
              chosen=${value === policy}
              onChoose=${setPolicy}
            />`,
        )}
      </fieldset>
      ${policy === "nightly" &&
      html`<${Field}
          id="hour"
          label="Hour of the day"
          type="number"
          min="0"
          max="23"
          required
          defaultValue=${updates.hour}
          hint="An update begins within this hour."
          errors=${errors.hour}
        />
        <${Field}
          id="time_zone"
          label="Time zone"
          required
          defaultValue=${updates.policy === "nightly" ? updates.time_zone : here()}
          hint="Such as Europe/Berlin."
          errors=${errors.time_zone}
        />`}
      <div><${Submit} busy=${busy} busyText="Saving" wide=${false}>Save<//></div>
    </form>
  <//>`;
}

const Pinned = ({ reason }) =>
  reason &&
  html`<${Notice} tone="info" title="It is not updated by itself">
    We keep it on its release: ${reason}.
  <//>`;

export function Updates({ params }) {
  const { id } = params;
  const bot = useResource(`/instances/${id}`);
  const { data, error, reload, loading } = useResource(`/instances/${id}/updates`);
  return html`<${Page}
    title="Updates"
    tab=${`Updates of ${bot.data?.slug ?? "a bot"}`}
    crumbs=${html`<${BotCrumbs} instance=${bot.data} /> / Updates`}
  >
    <${ErrorNotice} error=${!data && error} title="The releases could not be read" retry=${reload} />
    ${loading && html`<div class="panel panel-body"><${Loading} lines=${6} what="the releases" /></div>`}
    ${data &&
    html`<div class="stack medium">
      <${CrashNotice} id=${id} state=${data} />
      <${Pinned} reason=${data.pinned_because} />
      <${Releases} id=${id} updates=${data} />
      <${When} id=${id} updates=${data} />
    </div>`}
  <//>`;
}
