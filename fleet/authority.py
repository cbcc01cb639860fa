"""The certificates by which the platform and the engines of its servers know each other.

One authority signs both sides. A node makes its key itself and sends only a request for a
signature; what the certificate says of names and addresses is ours to say, never the request's.
"""

import ipaddress
from datetime import timedelta
from typing import cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings
from django.utils import timezone

from fleet.models import Authority
from wopr.common.errors import Refused

NAME = "engines"
LASTS = timedelta(days=3650)


def authority() -> Authority:
    """The deployment's only one, made at first use."""
    found = Authority.objects.filter(name=NAME).first()
    return found or Authority.objects.get_or_create(name=NAME, defaults=_new_authority())[0]


def _new_authority() -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"{settings.WOPR_DEPLOYMENT} engines")
    certificate = (
        _begun(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return {"certificate": _pem(certificate), "key": _key_pem(key)}


def client_pair(name: str) -> tuple[str, str]:
    """A certificate and key by which the platform shows one engine who it is."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    return _signed(name, key.public_key(), usage, []), _key_pem(key)


def engine_certificate(request_pem: str, *, name: str, addresses: list[str]) -> str:
    """Signs a node's request. Raises Refused for what is no proper one."""
    try:
        request = x509.load_pem_x509_csr(request_pem.encode())
    except ValueError as error:
        raise Refused("bad_request", "csr is no certificate request.", field="csr") from error
    try:
        proven = request.is_signature_valid
    except InvalidSignature:
        proven = False
    if not proven:
        raise Refused("bad_request", "csr is not signed by its own key.", field="csr")
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return _signed(name, request.public_key(), usage, addresses)


def _signed(
    name: str,
    public_key: CertificatePublicKeyTypes,
    usage: x509.ExtendedKeyUsage,
    addresses: list[str],
) -> str:
    ours = authority()
    issuer = x509.load_pem_x509_certificate(ours.certificate.encode())
    loaded = serialization.load_pem_private_key(ours.key.encode(), password=None)
    key = cast(ec.EllipticCurvePrivateKey, loaded)
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    certificate = (
        _begun(_name(name), issuer.subject, public_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _pem(certificate)


def _begun(
    subject: x509.Name, issuer: x509.Name, public_key: CertificatePublicKeyTypes
) -> x509.CertificateBuilder:
    now = timezone.now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LASTS)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
