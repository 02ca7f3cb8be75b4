"""Certificates of a test's own: of one authority for both sides, in time and late, and of another for a stranger."""

import subprocess
from pathlib import Path

_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"


def write_certificates(folder: Path) -> None:
    """Put authority.pem, stranger-authority.pem and one NAME.pem, with its key in it, per party into `folder`.

    Parties: far, late-far and own, late-own (whose time is over) of the one authority; stranger of the other.
    """
    for authority in ("authority", "stranger-authority"):
        request = f"req -x509 {_KEY} -days 2 -subj /CN={authority} -keyout {authority}.key -out {authority}.pem"
        _openssl(folder, request)
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n", encoding="utf-8")
    for party in ("far", "late-far", "own", "late-own", "stranger"):
        authority = "stranger-authority" if party == "stranger" else "authority"
        days = -1 if party.startswith("late") else 2
        _openssl(folder, f"req {_KEY} -subj /CN={party} -keyout {party}.key -out {party}.csr")
        by = f"-CA {authority}.pem -CAkey {authority}.key -CAcreateserial -extfile names"
        _openssl(folder, f"x509 -req -in {party}.csr {by} -days {days} -out {party}.pem")
        with (folder / f"{party}.pem").open("a", encoding="utf-8") as file:
            file.write((folder / f"{party}.key").read_text(encoding="utf-8"))


def _openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)
