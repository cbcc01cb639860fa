"""Who may use which route: the matrix that every route of the API has to be in."""

LET_IN, SIGN_IN, FORBIDDEN, NOTHING_HERE = "let in", "told to sign in", "forbidden", "nothing here"
Verdicts = dict[str, str]

PEOPLE = ("visitor", "charlie", "dora", "bob", "erin", "alice")
SCOPES = ("read", "operate", "billing", "admin")
KEYS = tuple(f"key to {scope}" for scope in SCOPES)
STRANGE_KEY = "charlie's key"


def rule(scope: str, **people: str) -> Verdicts:
    """Of Alice's keys, only that with the scope is let in; Charlie's has them all, and not here."""
    keys = {f"key to {each}": LET_IN if each == scope else FORBIDDEN for each in SCOPES}
    verdicts = {**dict.fromkeys(PEOPLE, LET_IN), "visitor": SIGN_IN, **keys, **people}
    return {**verdicts, STRANGE_KEY: verdicts["charlie"] if scope else FORBIDDEN}


STRANGERS = {"charlie": NOTHING_HERE}
PUBLIC: Verdicts = dict.fromkeys((*PEOPLE, *KEYS, STRANGE_KEY), LET_IN)
# A person, whoever it is, and no key.
SELF: Verdicts = rule("")
MINE: Verdicts = rule("read")
MEMBERS: Verdicts = rule("read", **STRANGERS)
WATCHERS: Verdicts = rule("read", **STRANGERS, dora=FORBIDDEN)
OPERATORS: Verdicts = rule("operate", **STRANGERS, dora=FORBIDDEN)
PAYERS: Verdicts = rule("billing", **STRANGERS, bob=FORBIDDEN)
MANAGERS: Verdicts = rule("admin", **STRANGERS, bob=FORBIDDEN, dora=FORBIDDEN)
DELEGATES: Verdicts = rule("", **STRANGERS, bob=FORBIDDEN, dora=FORBIDDEN)
LEAVERS: Verdicts = rule("", **STRANGERS)
OWNER: Verdicts = {**DELEGATES, "erin": FORBIDDEN}
# It was sent to somebody else.
INVITED: Verdicts = {**SELF, **dict.fromkeys(PEOPLE[1:], NOTHING_HERE)}
# None of them is of the staff.
STAFF: Verdicts = {**dict.fromkeys(PUBLIC, FORBIDDEN), "visitor": SIGN_IN}

# There is no address for a mail provider's reports as long as no provider is configured.
NOBODY: Verdicts = dict.fromkeys(PUBLIC, NOTHING_HERE)

RULES: dict[str, Verdicts] = {
    "GET api/health": PUBLIC,
    "GET api/live": PUBLIC,
    "GET api/ready": PUBLIC,
    "POST api/webhook/stripe": PUBLIC,
    "POST api/webhook/stripe/<uuid:uuid>": PUBLIC,
    "POST api/webhook/email": NOBODY,
    "GET fleet": MINE,
    "GET api/v1/schema": PUBLIC,
    "GET api/v1/docs": PUBLIC,
    "GET api/v1/plans": PUBLIC,
    "GET api/v1/add-ons": PUBLIC,
    "GET api/v1/me": SELF,
    "DELETE api/v1/impersonation": SELF,
    "GET api/v1/tenants/<uuid:tenant_id>/impersonations": OWNER,
    "GET api/v1/me/deletion": SELF,
    "POST api/v1/me/deletion": SELF,
    "DELETE api/v1/me/deletion": SELF,
    "GET api/v1/tenants/<uuid:tenant_id>/deletion": MEMBERS,
    "POST api/v1/tenants/<uuid:tenant_id>/deletion": OWNER,
    "DELETE api/v1/tenants/<uuid:tenant_id>/deletion": OWNER,
    "GET api/v1/tenants/<uuid:tenant_id>/export": MANAGERS,
    "GET api/v1/tenants": MINE,
    "POST api/v1/tenants": SELF,
    "GET api/v1/tenants/name-check": SELF,
    "GET api/v1/tenants/<uuid:tenant_id>": MEMBERS,
    "GET api/v1/tenants/<uuid:tenant_id>/documents": MEMBERS,
    "PUT api/v1/tenants/<uuid:tenant_id>": MANAGERS,
    "GET api/v1/tenants/<uuid:tenant_id>/members": MEMBERS,
    "PUT api/v1/tenants/<uuid:tenant_id>/members/<uuid:member_id>": MANAGERS,
    "DELETE api/v1/tenants/<uuid:tenant_id>/members/<uuid:member_id>": MANAGERS,
    "POST api/v1/tenants/<uuid:tenant_id>/leave": LEAVERS,
    "POST api/v1/tenants/<uuid:tenant_id>/transfer": OWNER,
    "GET api/v1/tenants/<uuid:tenant_id>/invitations": MANAGERS,
    "POST api/v1/tenants/<uuid:tenant_id>/invitations": MANAGERS,
    "DELETE api/v1/tenants/<uuid:tenant_id>/invitations/<uuid:invitation_id>": MANAGERS,
    "GET api/v1/invitations": SELF,
    "POST api/v1/invitations/<uuid:invitation_id>/accept": INVITED,
    "POST api/v1/invitations/<uuid:invitation_id>/decline": INVITED,
    "GET api/v1/tenants/<uuid:tenant_id>/keys": DELEGATES,
    "POST api/v1/tenants/<uuid:tenant_id>/keys": DELEGATES,
    "DELETE api/v1/tenants/<uuid:tenant_id>/keys/<uuid:key_id>": DELEGATES,
    "GET api/v1/documents/<uuid:document_id>/content": MEMBERS,
    "POST api/v1/tenants/<uuid:tenant_id>/checkout": PAYERS,
    "GET api/v1/checkouts/<uuid:checkout_id>": MEMBERS,
    "GET api/v1/tenants/<uuid:tenant_id>/region": MEMBERS,
    "PUT api/v1/tenants/<uuid:tenant_id>/region": PAYERS,
    "GET api/v1/tenants/<uuid:tenant_id>/subscription": MEMBERS,
    "POST api/v1/tenants/<uuid:tenant_id>/subscription/preview": PAYERS,
    "POST api/v1/tenants/<uuid:tenant_id>/subscription/change": PAYERS,
    "POST api/v1/tenants/<uuid:tenant_id>/subscription/cancel": PAYERS,
    "POST api/v1/tenants/<uuid:tenant_id>/subscription/resume": PAYERS,
    "POST api/v1/tenants/<uuid:tenant_id>/portal": PAYERS,
    "GET api/v1/tenants/<uuid:tenant_id>/usage": MEMBERS,
    "PUT api/v1/tenants/<uuid:tenant_id>/usage/caps": PAYERS,
    "GET api/v1/tenants/<uuid:tenant_id>/instances": MEMBERS,
    "GET api/v1/instances/<uuid:instance_id>": MEMBERS,
    "POST api/v1/instances/<uuid:instance_id>/retry": OPERATORS,
    "GET api/v1/instances/<uuid:instance_id>/updates": WATCHERS,
    "PUT api/v1/instances/<uuid:instance_id>/updates": OPERATORS,
    "POST api/v1/instances/<uuid:instance_id>/update": OPERATORS,
    "POST api/v1/instances/<uuid:instance_id>/roll-back": OPERATORS,
    "POST api/v1/instances/<uuid:instance_id>/start": OPERATORS,
    "POST api/v1/instances/<uuid:instance_id>/stop": OPERATORS,
    "POST api/v1/instances/<uuid:instance_id>/restart": OPERATORS,
    "POST api/v1/instances/<uuid:instance_id>/delete": OWNER,
    "POST api/v1/instances/<uuid:instance_id>/restore": OPERATORS,
    "POST api/v1/instances/<uuid:instance_id>/clone": OPERATORS,
    "POST api/v1/instances/<uuid:instance_id>/rename": OPERATORS,
    "GET api/v1/instances/<uuid:instance_id>/backups": WATCHERS,
    "POST api/v1/instances/<uuid:instance_id>/backups": OPERATORS,
    "GET api/v1/instances/<uuid:instance_id>/variables": WATCHERS,
    "PATCH api/v1/instances/<uuid:instance_id>/variables": OPERATORS,
    "GET api/v1/instances/<uuid:instance_id>/domains": MEMBERS,
    "POST api/v1/instances/<uuid:instance_id>/domains": MANAGERS,
    "GET api/v1/domains/<uuid:domain_id>": MEMBERS,
    "DELETE api/v1/domains/<uuid:domain_id>": MANAGERS,
    "POST api/v1/domains/<uuid:domain_id>/check": OPERATORS,
    "POST api/v1/instances/<uuid:instance_id>/disk/grace": OPERATORS,
    "GET api/v1/instances/<uuid:instance_id>/logs": WATCHERS,
    "GET api/v1/instances/<uuid:instance_id>/logs/stream": WATCHERS,
    "GET api/v1/instances/<uuid:instance_id>/metrics": WATCHERS,
    "GET api/v1/instances/<uuid:instance_id>/events": WATCHERS,
    "GET api/v1/tenants/<uuid:tenant_id>/operations": MEMBERS,
    "GET api/v1/tenants/<uuid:tenant_id>/exports": MANAGERS,
    "GET api/v1/tenants/<uuid:tenant_id>/exports/<uuid:export_id>/content": MANAGERS,
    "GET api/v1/operations/<uuid:operation_id>": MEMBERS,
    "GET api/v1/operations/<uuid:operation_id>/events": MEMBERS,
    "GET api/v1/tenants/<uuid:tenant_id>/inference": MEMBERS,
    "PUT api/v1/tenants/<uuid:tenant_id>/inference/limit": PAYERS,
    "GET api/v1/gpu/nodes": STAFF,
    "POST api/v1/gpu/nodes": STAFF,
    "GET api/v1/gpu/nodes/<uuid:node_id>": STAFF,
    "DELETE api/v1/gpu/nodes/<uuid:node_id>": STAFF,
    "POST api/v1/gpu/nodes/<uuid:node_id>/reboot": STAFF,
}
