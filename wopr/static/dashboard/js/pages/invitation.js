/** Behind the link of an invitation's letter: accept or decline it. */
import { post } from "../api.js";
import { Facts } from "../parts/facts.js";
import { ErrorNotice, Notice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Loading, Panel } from "../parts/panel.js";
import { Day } from "../parts/time.js";
import { toast } from "../parts/toast.js";
import { html, useState } from "../preact.js";
import { useResource } from "../resource.js";
import { navigate } from "../router.js";
import { useSession } from "../session.js";

const NotYours = ({ email }) => html`<${Notice} tone="warning" title="There is no such invitation for you">
  You are signed in as ${email}. It is for another address, was used or taken back, or is too old: ask
  who invited you for another one.
<//>`;

function Offer({ invitation }) {
  const { refresh } = useSession();
  const [error, setError] = useState(null);
  const answer = (word, said) => async () => {
    try {
      await post(`/invitations/${invitation.id}/${word}`);
      toast(said);
      await refresh();
      navigate("/");
    } catch (failure) {
      setError(failure);
    }
  };
  return html`<${Panel} title=${invitation.tenant}>
    <${ErrorNotice} error=${error} title="That was not done" />
    <${Facts}
      rows=${[
        ["Invited by", invitation.invited_by],
        ["Your role", invitation.role],
        ["Valid until", html`<${Day} value=${invitation.expires_at} />`],
      ]}
    />
    <div class="actions">
      <button
        class="button primary"
        type="button"
        onClick=${answer("accept", `You belong to ${invitation.tenant} now`)}
      >
        Accept
      </button>
      <button class="button" type="button" onClick=${answer("decline", "You have declined")}>Decline</button>
    </div>
  <//>`;
}

export function Invitation({ params }) {
  const { me } = useSession();
  const { data, error, reload, loading } = useResource("/invitations");
  const invitation = data?.find(({ id }) => id === params.id);
  return html`<${Page} title="You are invited" narrow>
    <${ErrorNotice} error=${!data && error} title="The invitation could not be read" retry=${reload} />
    ${loading && html`<div class="panel panel-body"><${Loading} lines=${4} what="the invitation" /></div>`}
    ${invitation && html`<${Offer} invitation=${invitation} />`}
    ${data && !invitation && html`<${NotYours} email=${me.email} />`}
  <//>`;
}
