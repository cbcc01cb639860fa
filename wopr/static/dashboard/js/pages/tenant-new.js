/** Naming a bot: the address is checked as the customer types. */
import { get, post } from "../api.js";
import { meta } from "../meta.js";
import { Field, FieldNote, Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { Journey } from "../parts/journey.js";
import { ErrorNotice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { html, useEffect, useState } from "../preact.js";
import { navigate } from "../router.js";
import { useSession } from "../session.js";

const TYPING_PAUSE = 300;

/** "Müller & Söhne" -> "muller-sohne": a first offer that the customer may change. */
const suggest = (name) =>
  name
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[-0-9]+|-+$/g, "")
    .slice(0, 40);

/** What the server says about a slug: null while there is none, "checking" until it has spoken. */
function useNameCheck(slug) {
  const [check, setCheck] = useState(null);
  useEffect(() => {
    setCheck(slug ? "checking" : null);
    if (!slug) return undefined;
    const abort = new AbortController();
    const ask = () =>
      get(`/tenants/name-check?slug=${encodeURIComponent(slug)}`, abort.signal).then(
        setCheck,
        (error) => abort.signal.aborted || setCheck({ error }),
      );
    const timer = setTimeout(ask, TYPING_PAUSE);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [slug]);
  return check;
}

function CheckNote({ id, check, slug }) {
  if (check === null) {
    const hint = "Lower-case letters, digits and hyphens.";
    return html`<${FieldNote} id=${id}>${hint}<//>`;
  }
  if (check === "checking") {
    return html`<${FieldNote} id=${id} icon="spinner" spin>Checking ${slug}<//>`;
  }
  if (check.error) {
    return html`<${FieldNote} id=${id}>Not checked yet: ${check.error.message}<//>`;
  }
  return check.available
    ? html`<${FieldNote} id=${id} state="good">${check.slug} is free.<//>`
    : html`<${FieldNote} id=${id} state="bad">${check.message}<//>`;
}

function Preview({ slug }) {
  const domain = meta("tenant-domain");
  return html`<div class="field">
    <span class="label">Your bot will live at</span>
    <output class="preview" for="slug">
      https://<b>${slug || "your-name"}</b>${domain && `.${domain}`}
    </output>
  </div>`;
}

export function TenantNew() {
  const { refresh } = useSession();
  const [name, setName] = useState("");
  const [typed, setTyped] = useState(null);
  const slug = typed ?? suggest(name);
  const check = useNameCheck(slug);
  const { busy, sent, errors, error, submit, form } = useForm(["name", "slug"], async (values) => {
    const tenant = await post("/tenants", values);
    await refresh();
    navigate(`/tenants/${tenant.id}/plans`);
  });
  const lead = "The address cannot be changed later. Naming costs nothing; you pay in the next step.";
  return html`<div class="medium"><${Journey} stage=${1} /></div>
    <${Page} title="Name your bot" lead=${lead}>
      <form class="panel panel-body medium" ref=${form} onSubmit=${submit} novalidate>
        <${ErrorNotice} error=${error} title="The name was not taken" />
        <${Field}
          id="name"
          label="Name"
          required
          autocomplete="organization"
          maxlength="100"
          hint="As your people should read it, such as Acme Support."
          value=${name}
          onInput=${(event) => setName(event.target.value)}
          errors=${sent.name === name ? errors.name : null}
        />
        <${Field}
          id="slug"
          label="Address"
          inputClass="mono"
          required
          autocomplete="off"
          autocapitalize="none"
          spellcheck=${false}
          value=${slug}
          onInput=${(event) => setTyped(event.target.value.trim().toLowerCase())}
          errors=${sent.slug === slug ? errors.slug : null}
          invalid=${check?.available === false}
          note=${(id) => html`<${CheckNote} id=${id} check=${check} slug=${slug} />`}
        />
        <${Preview} slug=${slug} />
        <${Submit} busy=${busy} busyText="Taking the name" wide=${false}>Take this name<//>
      </form>
    <//>`;
}
