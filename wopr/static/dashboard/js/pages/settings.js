/** What an owner sets of a bot: its name, and the variables that it is given. */
import { patch, post } from "../api.js";
import { Act } from "../parts/act.js";
import { BotCrumbs } from "../parts/bot-crumbs.js";
import { Field, PasswordField, Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { ErrorNotice, Notice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Empty, Loading, Panel } from "../parts/panel.js";
import { RelativeTime } from "../parts/time.js";
import { toast } from "../parts/toast.js";
import { html, useState } from "../preact.js";
import { useResource } from "../resource.js";
import { navigate } from "../router.js";

/** Follows the operation; a stopped bot has none, and gets the values at its start. */
function follow(answer, reload) {
  if (answer.operation) return navigate(`/operations/${answer.operation.id}`);
  toast("Kept; the bot gets it when it is started");
  return reload();
}

function Rename({ instance }) {
  const { busy, sent, errors, error, submit, form } = useForm(["slug"], async (values) => {
    const operation = await post(`/instances/${instance.id}/rename`, values);
    navigate(`/operations/${operation.id}`);
  });
  return html`<${Panel} title="Name">
    <form ref=${form} onSubmit=${submit} novalidate>
      <${ErrorNotice} error=${error} title="It keeps its name" />
      <${Field}
        id="slug"
        label="Name"
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
        inputClass="mono"
        hint="The first part of its address. The old address stops leading to it."
        errors=${errors.slug}
        defaultValue=${errors.slug ? sent.slug : instance.slug}
      />
      <${Submit} busy=${busy} busyText="Renaming" wide=${false} primary=${false}>Rename<//>
    </form>
  <//>`;
}

function SetVariable({ id, reload }) {
  const { busy, errors, error, submit, form } = useForm(["values"], async ({ name, value }) => {
    const answer = await patch(`/instances/${id}/variables`, { values: { [name]: value } });
    form.current.reset();
    follow(answer, reload);
  });
  return html`<form ref=${form} onSubmit=${submit} novalidate>
    <${ErrorNotice} error=${error} title="Nothing was changed" />
    <${Field}
      id="name"
      label="Name of a variable"
      autocomplete="off"
      spellcheck="false"
      inputClass="mono"
      hint="Capital letters, digits and underscores, such as OPENAI_API_KEY."
      errors=${errors.values}
    />
    <${PasswordField}
      id="value"
      label="Value"
      autocomplete="off"
      spellcheck="false"
      hint="Kept encrypted, given to the bot, and never shown again."
    />
    <${Submit} busy=${busy} busyText="Saving" wide=${false}>Save<//>
  </form>`;
}

function Variable({ id, variable, reload }) {
  const [error, setError] = useState(null);
  const drop = async () => {
    try {
      follow(await patch(`/instances/${id}/variables`, { removed: [variable.name] }), reload);
    } catch (failure) {
      setError(failure);
    }
  };
  return html`<li class="actions">
    <span class="mono breakable">${variable.name}</span>
    <span class="muted">
      ${variable.applied ? "set" : "waits for the bot's start, set"} <${RelativeTime}
        value=${variable.updated_at}
      />
    </span>
    <button class="button slim" type="button" onClick=${drop}>
      Remove<span class="visually-hidden"> ${variable.name}</span>
    </button>
    <${ErrorNotice} error=${error} title="Nothing was changed" />
  </li>`;
}

function Variables({ id, variables, reload }) {
  return html`<${Panel} title="Variables">
    <${Notice} tone="info">
      A change restarts the bot. If it does not get healthy with it, it gets the earlier values back.
    <//>
    ${variables.length
      ? html`<ul class="stack tight">
          ${variables.map(
            (variable) =>
              html`<${Variable} key=${variable.name} id=${id} variable=${variable} reload=${reload} />`,
          )}
        </ul>`
      : html`<${Empty} title="No variable yet">Keys and settings of the bot go here.<//>`}
    <${SetVariable} id=${id} reload=${reload} />
  <//>`;
}

const DELETE = {
  path: "delete",
  title: "Delete this bot?",
  action: "Delete this bot",
  danger: true,
  effects: [
    "It is stopped, and everything that it stored is deleted; its address leads nowhere.",
    "A last backup is made and tested first; the owner and admins can download it for a while.",
  ],
};

function Delete({ instance }) {
  return html`<${Panel} title="Delete">
    <p class="muted">
      For the tenant's owner, once the plan runs fewer bots than there are, or none. Until then another
      bot would be set up in its place.
    </p>
    <${Act} id=${instance.id} what=${DELETE} />
  <//>`;
}

export function Settings({ params }) {
  const bot = useResource(`/instances/${params.id}`);
  const { data, error, reload, loading } = useResource(`/instances/${params.id}/variables`);
  return html`<${Page}
    title="Settings"
    tab=${`Settings of ${bot.data?.slug ?? "a bot"}`}
    crumbs=${html`<${BotCrumbs} instance=${bot.data} /> / Settings`}
  >
    <${ErrorNotice} error=${!data && error} title="The settings could not be read" retry=${reload} />
    ${loading && html`<div class="panel panel-body"><${Loading} lines=${6} what="the settings" /></div>`}
    ${data &&
    bot.data &&
    html`<div class="stack medium">
      <${Variables} id=${params.id} variables=${data} reload=${reload} />
      <${Rename} key=${bot.data.slug} instance=${bot.data} />
      <${Delete} instance=${bot.data} />
    </div>`}
  <//>`;
}
