/** Form parts: a labelled field with its hint or error in one reserved line, a submit button. */
import { html, useState } from "../preact.js";
import { Icon } from "./icons.js";

/** `state` is "good" or "bad"; a note without a state is a hint. */
export function FieldNote({ id, state, icon, spin, children }) {
  const name = icon ?? { good: "check", bad: "alert" }[state];
  return html`<p class=${`field-note ${state ?? ""}`} id=${id}>
    ${name && html`<${Icon} name=${name} spin=${spin} />`}
    <span>${children}</span>
  </p>`;
}

export function Field({ id, label, errors, hint, note, invalid, inputClass, children, ...input }) {
  const noteId = `${id}-note`;
  const own = errors?.length
    ? html`<${FieldNote} id=${noteId} state="bad">${errors.join(" ")}<//>`
    : note?.(noteId);
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <div class=${children ? "input-row" : ""}>
      <input
        id=${id}
        name=${id}
        class=${inputClass}
        aria-describedby=${noteId}
        aria-invalid=${invalid || errors?.length ? "true" : "false"}
        ...${input}
      />
      ${children}
    </div>
    <div aria-live="polite">${own ?? html`<${FieldNote} id=${noteId}>${hint}<//>`}</div>
  </div>`;
}

/** A password field whose content can be shown. */
export function PasswordField(props) {
  const [shown, setShown] = useState(false);
  return html`<${Field} type=${shown ? "text" : "password"} ...${props}>
    <button
      class="nav-link"
      type="button"
      aria-pressed=${shown ? "true" : "false"}
      aria-controls=${props.id}
      onClick=${() => setShown(!shown)}
    >
      ${shown ? "Hide" : "Show"}<span class="visually-hidden"> password</span>
    </button>
  <//>`;
}

/** One of `options`, each a value and what it means. */
export function SelectField({ id, label, options, value, errors, ...input }) {
  const noteId = `${id}-note`;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <select id=${id} name=${id} aria-describedby=${noteId} ...${input}>
      ${options.map(
        ([key, text]) => html`<option value=${key} selected=${key === value}>${text}</option>`,
      )}
    </select>
    <${FieldNote} id=${noteId} state=${errors?.length ? "bad" : null}>${errors?.join(" ")}<//>
  </div>`;
}

/** A box to tick; its children say what ticking it means. */
export function CheckField({ id, label, children, ...input }) {
  return html`<label class="check" for=${id}>
    <input type="checkbox" id=${id} name=${id} ...${input} />
    <span>${label} ${children && html`<span class="muted">${children}</span>`}</span>
  </label>`;
}

/** Stays focusable while busy (aria-disabled, not disabled), so the keyboard keeps its place. */
export function Submit({ busy, busyText, wide = true, primary = true, children }) {
  return html`<button
    class=${`button${primary ? " primary" : ""}${wide ? " wide" : ""}`}
    type="submit"
    aria-disabled=${busy ? "true" : "false"}
  >
    ${busy ? html`<${Icon} name="spinner" spin /> ${busyText}` : children}
  </button>`;
}
