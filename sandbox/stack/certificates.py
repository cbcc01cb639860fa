"""Certificates for engines that want them, from an authority made for one machine."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LASTS = timedelta(days=2)
_USES = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, both PEM."""

    certificate: str
    key: str


@dataclass(frozen=True)
class Authority:
    """Signs certificates; whoever trusts it trusts all of them."""

    key: ec.EllipticCurvePrivateKey
    root: x509.Certificate

    @classmethod
    def made(cls) -> "Authority":
        """Return a new one."""
        key = ec.generate_private_key(ec.SECP256R1())
        named = _name("wopr sandbox engines")
        unsigned = _begun(named, named, key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        return cls(key, unsigned.sign(key, hashes.SHA256()))

    @property
    def certificate(self) -> str:
        """Return its own certificate, by which others know it."""
        return _pem(self.root)

    def pair(self, name: str, use: str, address: str = "127.0.0.1") -> Pair:
        """Return what one party shows: a `server` at an address, or a `client`."""
        key = ec.generate_private_key(ec.SECP256R1())
        unsigned = (
            _begun(_name(name), self.root.subject, key)
            .add_extension(x509.ExtendedKeyUsage([_USES[use]]), critical=False)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False
            )
        )
        return Pair(_pem(unsigned.sign(self.key, hashes.SHA256())), _pem_key(key))

    def certify(self, address: str, folder: Path) -> None:
        """Write what dockerd wants to find: whom it trusts, and who it is."""
        pair = self.pair("engine", "server", address)
        (folder / "ca.pem").write_text(self.certificate)
        (folder / "server.pem").write_text(pair.certificate)
        (folder / "server.key").touch(mode=0o600)
        (folder / "server.key").write_text(pair.key)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=issuer,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(hours=1),
        not_valid_after=now + _LASTS,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _pem_key(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
