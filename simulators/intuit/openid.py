"""OpenID Connect: the signed id_token, the public key, and who the user is (reference 1.1, 1.3)."""

import functools
from datetime import datetime

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from simulators.core.http import Json

ISSUER = "https://oauth.platform.intuit.com/op/v1"
_KEY_ID = "sim-intuit"
_LIFE_SECONDS = 3600

# Everybody who can sign in: his subject and what each scope tells of him.
_PEOPLE = {
    "admin": ("8d4a1f0c-0000-4000-8000-000000000001", "Alex", "Admin"),
    "staff": ("8d4a1f0c-0000-4000-8000-000000000002", "Sam", "Staff"),
}


def subject(user: str) -> str:
    """The stable id of a user."""
    return _PEOPLE[user][0]


def id_token(client: str, user: str, realm: str, now: datetime) -> str:
    """A JWT signed RS256 with the claims discovery names; `aud` is a list, as Intuit's own client expects."""
    at = int(now.timestamp())
    claims = {
        "sub": subject(user),
        "aud": [client],
        "realmid": realm,
        "auth_time": at,
        "iss": ISSUER,
        "exp": at + _LIFE_SECONDS,
        "iat": at,
    }
    return jwt.encode(claims, _key(), algorithm="RS256", headers={"kid": _KEY_ID})


def jwks() -> Json:
    """The public half of the signing key."""
    public: Json = jwt.algorithms.RSAAlgorithm.to_jwk(_key().public_key(), as_dict=True)
    return {"keys": [public | {"kid": _KEY_ID, "use": "sig", "alg": "RS256"}]}


def user_info(user: str, scopes: list[str]) -> Json:
    """The userinfo answer: `sub` always, the rest by scope."""
    sub, given, family = _PEOPLE[user]
    out: Json = {"sub": sub}
    if "email" in scopes:
        out |= {"email": f"{given.lower()}@example.com", "emailVerified": True}
    if "profile" in scopes:
        out |= {"givenName": given, "familyName": family}
    if "phone" in scopes:
        out |= {"phoneNumber": "+1 5550100", "phoneNumberVerified": True}
    if "address" in scopes:
        address = {"streetAddress": "123 Sierra Way", "locality": "San Pablo", "region": "CA"}
        out["address"] = address | {"postalCode": "87999", "country": "US"}
    return out


@functools.cache
def _key() -> RSAPrivateKey:
    """Made when first needed: start-up does not wait for it."""
    return generate_private_key(public_exponent=65537, key_size=2048)
