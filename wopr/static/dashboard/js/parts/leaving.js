/** Leaving for good: a tenant, or one's own account, deleted after a time in which that is taken back. */
import { post, remove } from "../api.js";
import { html, useState } from "../preact.js";
import { useResource } from "../resource.js";
import { ConfirmDialog } from "./dialog.js";
import { ErrorNotice, Notice } from "./notice.js";
import { Loading, Panel } from "./panel.js";
import { Day } from "./time.js";
import { toast } from "./toast.js";

/**
 * `at`: the path whose `/deletion` is asked; `what`: its name in a sentence; `effects` are listed
 * before it is asked for. `children` say what can be taken along.
 */
export function Leaving({ at, what, effects, children }) {
  const { data, error, reload } = useResource(`${at}/deletion`);
  const [state, setState] = useState({ asking: false, error: null });
  const carryOut = async (call, said) => {
    setState({ asking: false, error: null });
    try {
      await call();
      toast(said);
      reload();
    } catch (failure) {
      setState({ asking: false, error: failure });
    }
  };
  const ask = () => carryOut(() => post(`${at}/deletion`), "A letter says when it will be deleted");
  const takeBack = () => carryOut(() => remove(`${at}/deletion`), "Nothing is deleted");
  const title = `Delete ${what}`;
  return html`<${Panel} title="Leaving for good">
    <${ErrorNotice} error=${state.error} title="Nothing was changed" />
    <${ErrorNotice} error=${!data && error} title="This could not be read" retry=${reload} />
    ${!data && !error && html`<${Loading} lines=${2} what="deletion" />`}
    ${data?.due_at &&
    html`<${Notice}
      tone="danger"
      title=${html`To be deleted on <${Day} value=${data.due_at} />`}
      actions=${html`<button class="button" type="button" onClick=${takeBack}>Take it back</button>`}
    >
      Until then everything works, and nothing renews. Then it cannot be taken back any more.
    <//>`}
    ${children}
    ${data &&
    !data.due_at &&
    html`<p>
      <button
        class="button danger"
        type="button"
        onClick=${() => setState({ asking: true, error: null })}
      >
        ${title}
      </button>
    </p>`}
    ${state.asking &&
    html`<${ConfirmDialog}
      title=${`${title}?`}
      effects=${effects}
      action=${title}
      danger
      onConfirm=${ask}
      onCancel=${() => setState((before) => ({ ...before, asking: false }))}
    />`}
  <//>`;
}

/** Wherever a tenant is looked at: that it ends, when, and where that is taken back. */
export function DueDeletion({ at }) {
  const { data } = useResource(`${at}/deletion`);
  if (!data?.due_at) return null;
  return html`<${Notice} tone="danger" title=${html`To be deleted on <${Day} value=${data.due_at} />`}>
    Until then <a href=${`${at}/members`}>its owner can take that back</a>.
  <//>`;
}
