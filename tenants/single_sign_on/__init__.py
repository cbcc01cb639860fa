"""Log-in of people at Authentik by OpenID Connect, as a provider of django-allauth.

allauth brings state, PKCE and the exchange of the code; what it lacks is here: a nonce, and the
signature of the ID token checked although it came straight from the issuer.
"""
