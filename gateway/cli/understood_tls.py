"""What `check` understood of a listener's TLS: names and dates, and no key."""

from gateway.domain.tls import ServerTls
from gateway.tls.expiry import date


def as_json(tls: ServerTls | None) -> dict[str, object] | None:
    """Give it as JSON values; None without TLS."""
    if tls is None:
        return None
    return {
        "certificates": [
            {
                "certificate": each.certificate,
                "names": list(each.names),
                "not_after": each.not_after,
            }
            for each in tls.certificates
        ],
        "min_version": tls.min_version.value,
        "client_ca": tls.client_ca or None,
    }


def in_words(tls: ServerTls | None) -> str:
    """Say it behind an address; nothing without TLS."""
    if tls is None:
        return ""
    told = [
        f"{', '.join(each.names) or 'no name'} until {date(each.not_after)}"
        for each in tls.certificates
    ]
    asked = "; clients must show a certificate" if tls.client_ca else ""
    return f", TLS {tls.min_version.value} or later for {'; '.join(told)}{asked}"
