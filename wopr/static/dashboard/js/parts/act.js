/** A button that opens an operation on a bot, after it was said what that will do. */
import { post } from "../api.js";
import { html, useState } from "../preact.js";
import { navigate } from "../router.js";
import { ConfirmDialog } from "./dialog.js";
import { Icon } from "./icons.js";
import { ErrorNotice } from "./notice.js";

const QUIET = { asking: false, busy: false, error: null };

/** `what`: {path, body, action, title, effects, danger}. Leads to the operation's page. */
export function Act({ id, what, primary = false, slim = false, label }) {
  const [state, setState] = useState(QUIET);
  const confirm = async () => {
    setState({ ...QUIET, busy: true });
    try {
      const operation = await post(`/instances/${id}/${what.path}`, what.body ?? {});
      navigate(`/operations/${operation.id}`);
    } catch (error) {
      setState({ ...QUIET, error });
    }
  };
  return html`<button
      class=${`button${primary ? " primary" : ""}${slim ? " slim" : ""}`}
      type="button"
      aria-disabled=${state.busy ? "true" : "false"}
      onClick=${() => !state.busy && setState({ ...QUIET, asking: true })}
    >
      ${state.busy && html`<${Icon} name="spinner" spin />`} ${what.action}
      ${label && html`<span class="visually-hidden"> ${label}</span>`}
    </button>
    <${ErrorNotice} error=${state.error} title="Nothing was changed" />
    ${state.asking &&
    html`<${ConfirmDialog}
      title=${what.title}
      effects=${what.effects}
      action=${what.action}
      danger=${what.danger}
      onConfirm=${confirm}
      onCancel=${() => setState((before) => ({ ...before, asking: false }))}
    />`}`;
}
