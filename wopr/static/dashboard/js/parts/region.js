/** Where a tenant's bots live: shown where there is a choice. */
import { put } from "../api.js";
import { html, useState } from "../preact.js";
import { useResource } from "../resource.js";
import { SelectField } from "./field.js";
import { ErrorNotice } from "./notice.js";
import { toast } from "./toast.js";

const ANYWHERE = ["", "Wherever there is room"];

export function RegionChoice({ tenantId }) {
  const path = `/tenants/${tenantId}/region`;
  const home = useResource(path);
  const [error, setError] = useState(null);
  if (!home.data?.offered.length) return null;
  const change = async (event) => {
    try {
      await put(path, { region: event.target.value });
      setError(null);
      toast("New bots are placed there from now on");
    } catch (failure) {
      setError(failure);
    }
    home.reload();
  };
  const options = home.data.offered.map(({ code, title }) => [code, title]);
  return html`<${SelectField}
      id="region"
      label="Where your bots live"
      options=${[ANYWHERE, ...options]}
      value=${home.data.region}
      onChange=${change}
    />
    <${ErrorNotice} error=${error} title="The region was not changed" />`;
}
