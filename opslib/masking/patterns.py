"""What a secret looks like: patterns by name, and names of fields that hold payloads.

A pattern is a regular expression of Python's ``re`` with ASCII classes; what its group ``kept``
matches, the name before a value, stays. One without look-around and back-references is understood
by RE2 too.

Sources
-------
AWS keys: IAM user guide, "Unique identifiers" (AKIA and ASIA are keys; AROA and AIDA name a
principal and are none). JSON web tokens: RFC 7519. Bearer tokens: RFC 6750.
"""

from collections.abc import Mapping

# A quote as it stands in text, in JSON inside of JSON, or in HTML.
BARE_QUOTE = r"""["']|&quot;|&#34;|&#39;|&#x27;"""
QUOTE = rf"\\*(?:{BARE_QUOTE})"
_IS = rf"{QUOTE}?\s*(?:=>|[:=])\s*"
_WORD = r"""[^\s"'\\,;&<>(){}\[\]]+"""
_QUOTED = (
    r'"(?:[^"\\]|\\.)*"', r"'(?:[^'\\]|\\.)*'", r'\\+"[^"]*"', r"\\+'[^']*'",
    r"(?:&quot;|&#34;)[^&]*(?:&quot;|&#34;)", r"(?:&#39;|&#x27;)[^&]*(?:&#39;|&#x27;)",
)  # fmt: skip
_VALUE = f"(?:{'|'.join(_QUOTED)}|{QUOTE}?{_WORD})"
_REST = r"""[^"'\\\r\n&<>{}]{4,}"""


def _named(words: str, value: str = _VALUE) -> str:
    """Return the pattern of a value that one of these words names."""
    return rf"(?P<kept>(?i:{words}){_IS}){value}"


#: Name of a mask to its pattern, in the order in which they are tried.
PATTERNS: Mapping[str, str] = {
    "private key": (
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z0-9 ]*PRIVATE KEY-----)?"
    ),
    "aws secret key": _named(r"secret_?(?:access_?)?key"),
    "aws key pair": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}[\s,;:|]{1,4}[A-Za-z0-9/+]{40}",
    "aws access key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "aws session token": r"\b(?:FwoGZXIvYXdz|FQoGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9/+=%]{20,}",
    "url signature": r"(?P<kept>(?i:X-Amz-(?:Signature|Security-Token)=))[A-Za-z0-9%/+=]+",
    "json web token": r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]*",
    "authorization": _named(r"(?:proxy-)?authorization", f"{QUOTE}?{_REST}"),
    "bearer token": r"(?P<kept>\b(?i:bearer)\s+)[A-Za-z0-9._~+/=-]{16,}",
    "cookie": _named(r"\b(?:set-)?cookie", f"{QUOTE}?{_REST}"),
    "provider token": (
        r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|xox[abeprs]-[A-Za-z0-9-]{9,}"
        r"|[rs]k_live_[A-Za-z0-9]{10,}|AIza[A-Za-z0-9_-]{35}|glpat-[A-Za-z0-9_-]{20,})"
    ),
    "webhook": r"(?P<kept>https://hooks\.slack\.com/)[A-Za-z0-9/_-]+",
    "password in url": (
        r"""(?P<kept>\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@"'<>]*:)"""
        # Not a port: five digits at most and no @ behind them. RE2 knows no lookahead.
        r"""(?:\d*[^\s/@"'<>[\d),;.?#\]\\][^\s/@"'<>[]*|\d{6,}|\d[^\s/@"'<>[]*@)"""
    ),
    "password": _named(r"passw(?:or)?d|passphrase|\bpwd"),
    "secret": _named(
        r"(?:client|app|shared|signing|webhook)[_-]?secret|secret[_-]?(?:string|value)"
        # Not in an ARN.
        r"|(?:^|[^\w:/-])secret"
        r"|(?:private|encryption|api|access|account|auth)[_-]?key|connection[_-]?string"
    ),
    "token": _named(
        r"(?:access|refresh|auth|id|session|security|api|csrf|xsrf|sas|device|bearer)[_-]?token"
    ),
}

# What a match cannot do without, in lower case: looking for it takes a fraction of the time.
NEEDLES: Mapping[str, tuple[str, ...]] = {
    "private key": ("private key",),
    "aws secret key": ("secret",),
    "aws key pair": ("akia", "asia"),
    "aws access key": ("akia", "asia"),
    "aws session token": ("fwogzxivyxdz", "fqogzxivyxdz", "iqojb3jpz2lu"),
    "url signature": ("x-amz-",),
    "json web token": ("eyj",),
    "authorization": ("authorization",),
    "bearer token": ("bearer",),
    "cookie": ("cookie",),
    "webhook": ("hooks.slack.com",),
    "password in url": ("://",),
    "password": ("passw", "passphrase", "pwd"),
    "secret": ("secret", "key", "string"),
    "token": ("token",),
}

#: Fields and columns that hold what a system's own users sent, in snake case.
PAYLOADS = (
    "payload", "request_payload", "response_payload", "body", "raw_body", "request_body",
    "response_body", "message_body", "new_image", "old_image",
)  # fmt: skip
