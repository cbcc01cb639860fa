"""The OpenID provider: discovery, log-in, codes with PKCE, tokens, and who somebody is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from urllib.parse import urlencode

import jwt
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.authentik.directory import sealed
from sandbox.authentik.shapes import uid_of
from sandbox.authentik.world import AuthentikWorld
from sandbox.templating import page
from sandbox.types import Json

COOKIE = "authentik_session"
CODE_SECONDS, TOKEN_SECONDS = 60, 300
_ALGORITHM = "RS256"
_KEY_ID = "sandbox"


class Refused(Exception):
    """An answer of the token endpoint that is no token."""

    def __init__(self, error: str, text: str) -> None:
        super().__init__(text)
        self.body = {"error": error, "error_description": text}


class OpenID:
    """The pages and endpoints that need no API token."""

    def __init__(self, world: AuthentikWorld) -> None:
        self.world = world

    def routes(self) -> list[Route]:
        """Return all of them."""
        get, post = ["GET"], ["POST"]
        return [
            Route(
                "/application/o/{slug}/.well-known/openid-configuration",
                self.discovery,
                methods=get,
            ),
            Route("/application/o/{slug}/jwks/", self.keys, methods=get),
            Route("/application/o/authorize/", self.authorize, methods=get),
            Route("/application/o/token/", self.token, methods=post),
            Route("/application/o/userinfo/", self.userinfo, methods=[*get, *post]),
            Route("/if/flow/login/", self.log_in, methods=[*get, *post]),
            Route("/if/flow/default-recovery-flow/", self.recover, methods=[*get, *post]),
        ]

    def _issuer(self, slug: str) -> str:
        return f"{self.world.config.public_url}/application/o/{slug}/"

    async def discovery(self, request: Request) -> Response:
        """Say where everything is."""
        slug = request.path_params["slug"]
        if slug not in self.world.applications:
            return JSONResponse({"error": "not_found"}, status_code=404)
        base = self.world.config.public_url
        return JSONResponse(
            {
                "issuer": self._issuer(slug),
                "authorization_endpoint": f"{base}/application/o/authorize/",
                "token_endpoint": f"{base}/application/o/token/",
                "userinfo_endpoint": f"{base}/application/o/userinfo/",
                "jwks_uri": f"{self._issuer(slug)}jwks/",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [_ALGORITHM],
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "client_secret_basic",
                ],
                "scopes_supported": ["openid", "email", "profile"],
                "code_challenge_methods_supported": ["plain", "S256"],
            }
        )

    async def keys(self, _: Request) -> Response:
        """Return the public half of the signing key."""
        public = self.world.private_key().public_key()
        key: Json = jwt.algorithms.RSAAlgorithm.to_jwk(public, as_dict=True)
        return JSONResponse({"keys": [{**key, "kid": _KEY_ID, "use": "sig", "alg": _ALGORITHM}]})

    async def authorize(self, request: Request) -> Response:
        """Send a person who is logged in back with a code, and anybody else to the form."""
        query = request.query_params
        provider = self._client(query.get("client_id", ""))
        allowed = [uri["url"] for uri in provider["redirect_uris"]] if provider else []
        if provider is None or query.get("redirect_uri") not in allowed:
            return _message(400, "Redirect URI Error", "It is not allowed.")
        person = self._person(request)
        if person is None or query.get("prompt") == "login":
            # The form leads back here without the wish for it, which is then fulfilled.
            asked = urlencode([(k, v) for k, v in query.multi_items() if k != "prompt"])
            here = f"{request.url.path}?{asked}"
            return RedirectResponse(f"/if/flow/login/?{urlencode({'next': here})}", 302)
        application = self.world.application_of(provider)
        if application is None or not self.world.may_use(person, application):
            return _message(403, "Permission denied", "Not for you.")
        code = secrets.token_hex(16)
        self.world.codes[code] = {
            "user": person["pk"],
            "client_id": provider["client_id"],
            "until": time.time() + CODE_SECONDS,
            **{name: query.get(name, "") for name in _ASKED},
        }
        self.world.changed()
        back = urlencode({"code": code, "state": query.get("state", "")})
        return RedirectResponse(f"{query['redirect_uri']}?{back}", 302)

    def _client(self, client_id: str) -> Json | None:
        found = (p for p in self.world.providers.values() if p["client_id"] == client_id)
        return next(found, None)

    def _person(self, request: Request) -> Json | None:
        session = self.world.sessions.get(request.cookies.get(COOKIE, ""))
        person = self.world.users.get(str(session["user"])) if session else None
        return person if person and person["is_active"] else None

    async def token(self, request: Request) -> Response:
        """Give tokens for a code, once, to the client that asked for it."""
        try:
            return JSONResponse(self._tokens(await request.form(), request))
        except Refused as refused:
            return JSONResponse(refused.body, status_code=400)

    def _tokens(self, form: FormData, request: Request) -> Json:
        client_id, secret = _credentials(form, request)
        provider = self._client(client_id)
        if provider is None or not hmac.compare_digest(provider["client_secret"], secret):
            raise Refused("invalid_client", "Client authentication failed")
        code = self.world.take(self.world.codes, str(form.get("code", "")))
        if code is None or code["client_id"] != client_id:
            raise Refused("invalid_grant", "The code is unknown, used or expired")
        if code["redirect_uri"] != form.get("redirect_uri"):
            raise Refused("invalid_grant", "The redirect URI is another")
        if code["code_challenge"] and not _answers(code, str(form.get("code_verifier", ""))):
            raise Refused("invalid_grant", "The code verifier does not fit")
        return self._issued(provider, self.world.users[str(code["user"])], code["nonce"])

    def _issued(self, provider: Json, person: Json, nonce: str) -> Json:
        application = self.world.application_of(provider)
        now, access = int(time.time()), secrets.token_hex(32)
        until = now + TOKEN_SECONDS
        self.world.tokens[access] = {"user": person["pk"], "until": until}
        self.world.changed()
        claims = {
            "iss": self._issuer(application["slug"] if application else ""),
            "aud": provider["client_id"],
            "iat": now,
            "auth_time": now,
            "exp": until,
            **({"nonce": nonce} if nonce else {}),
            **self._claims(person),
        }
        key, headers = self.world.private_key(), {"kid": _KEY_ID}
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "id_token": jwt.encode(claims, key, algorithm=_ALGORITHM, headers=headers),
        }

    def _claims(self, person: Json) -> Json:
        return {
            "sub": uid_of(person),
            "email": person["email"],
            "email_verified": person["attributes"].get("email_verified", True),
            "name": person["name"],
            "preferred_username": person["username"],
            "groups": [group["name"] for group in self.world.groups_of(person)],
        }

    async def userinfo(self, request: Request) -> Response:
        """Say who somebody is."""
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        token = self.world.tokens.get(bearer)
        if token is None or token["until"] < time.time():
            return JSONResponse({"error": "invalid_token"}, status_code=401)
        return JSONResponse(self._claims(self.world.users[str(token["user"])]))

    async def log_in(self, request: Request) -> Response:
        """Ask for a name and a password."""
        if request.method == "GET":
            return page("authentik/login.html", error="")
        form = await request.form()
        name, password = str(form.get("name", "")), str(form.get("password", ""))
        person = next(filter(_is(name, password), self.world.users.values()), None)
        if person is None:
            return page("authentik/login.html", 400, error="Invalid name or password.")
        session = secrets.token_hex(16)
        self.world.sessions[session] = {"user": person["pk"]}
        self.world.changed()
        to = request.query_params.get("next", "/")
        answer = RedirectResponse(to if to.startswith("/application/") else "/", 302)
        answer.set_cookie(COOKIE, session, httponly=True, samesite="lax")
        return answer

    async def recover(self, request: Request) -> Response:
        """Let the person with the link choose a password, once."""
        key = request.query_params.get("flow_token", "")
        if request.method == "GET":
            known = self.world.recoveries.get(key)
            good = known is not None and known["until"] > time.time()
            return page("authentik/recovery.html", 200 if good else 404, good=good)
        recovery = self.world.take(self.world.recoveries, key)
        if recovery is None:
            return page("authentik/recovery.html", 404, good=False)
        form = await request.form()
        self.world.users[str(recovery["user"])]["password"] = sealed(str(form["password"]))
        return _message(200, "Password set", "Log in where you came from.")


_ASKED = ("redirect_uri", "nonce", "code_challenge", "code_challenge_method")


def _message(status: int, heading: str, text: str) -> Response:
    return page("message.html", status, heading=heading, text=text, link="")


def _is(name: str, password: str) -> Callable[[Json], bool]:
    def fits(person: Json) -> bool:
        known = name and name in (person["username"], person["email"])
        return bool(known and person["is_active"] and person["password"] == sealed(password))

    return fits


def _credentials(form: FormData, request: Request) -> tuple[str, str]:
    """The client's id and secret, from the form or by basic authentication."""
    authorization = request.headers.get("authorization", "")
    if authorization.startswith("Basic "):
        client_id, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
        return client_id, secret
    return str(form.get("client_id", "")), str(form.get("client_secret", ""))


def _answers(code: Json, verifier: str) -> bool:
    """Whether the verifier is what the challenge was made of."""
    if code["code_challenge_method"] != "S256":
        return bool(verifier == code["code_challenge"])
    digest = hashlib.sha256(verifier.encode()).digest()
    made = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return bool(made == code["code_challenge"])
