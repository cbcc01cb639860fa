/** The life of a form: busy while it is sent, errors beside their fields, focus on the first. */
import { ApiError } from "../http.js";
import { useEffect, useRef, useState } from "../preact.js";

/**
 * `send(values)` may throw an ApiError. Answers `{busy, error, errors, sent, submit, form}`: `errors`
 * by field, `error` for what belongs to no field that this form shows, `sent` the refused values.
 */
export function useForm(fields, send) {
  const [state, setState] = useState({ busy: false, error: null, sent: {} });
  const form = useRef();
  const errors = state.error?.fields ?? {};
  const shown = fields.some((field) => errors[field]?.length);

  useEffect(() => {
    if (shown) form.current?.querySelector("[aria-invalid=true]")?.focus();
  }, [state.error]);

  const submit = async (event) => {
    event?.preventDefault();
    if (state.busy) return;
    const sent = Object.fromEntries(new FormData(form.current));
    setState({ busy: true, error: null, sent });
    try {
      await send(sent);
      setState({ busy: false, error: null, sent });
    } catch (error) {
      setState({ busy: false, error, sent });
      if (!(error instanceof ApiError)) throw error;
    }
  };
  const { busy, sent } = state;
  return { busy, sent, errors, error: shown ? null : state.error, submit, form };
}
