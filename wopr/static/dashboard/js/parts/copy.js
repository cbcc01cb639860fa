/** A value with a button that copies it. */
import { html, useEffect, useState } from "../preact.js";
import { Icon } from "./icons.js";
import { toast } from "./toast.js";

export function CopyButton({ text, label }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      toast(`Copied the ${label}`);
    } catch (error) {
      toast(`The browser does not allow copying: select the ${label} by hand`, "alert");
    }
  };
  return html`<button
    class="icon-button"
    type="button"
    aria-label=${`Copy the ${label}`}
    title=${`Copy the ${label}`}
    onClick=${copy}
  >
    <${Icon} name=${copied ? "check" : "copy"} />
  </button>`;
}

/** `shown` may be shorter than `text`, such as the head of a digest; the whole text is copied. */
export function Copyable({ text, shown = text, label, mono = false }) {
  return html`<span class="with-copy">
    <span class=${`breakable${mono ? " mono" : ""}`} title=${shown === text ? null : text}>
      ${shown}
    </span>
    <${CopyButton} text=${text} label=${label} />
  </span>`;
}
