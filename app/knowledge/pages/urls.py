"""Addresses of pages: one spelling for each, and which of them belong to a site."""

import re
from collections import Counter
from dataclasses import dataclass
from urllib.parse import quote, unquote, urljoin, urlsplit

from app.tools.base import ToolError
from app.tools.http_request.hosts import MOST_URL, Target, parse_url

MOST_SEGMENTS = 20  # of a path
MOST_REPEATS = 2  # of one segment in a path: /a/b/a/b/a is a link that leads deeper and deeper

_SAFE = "/%:@!$&'()*+,;=~-._"  # what RFC 3986 lets stand in a path
_TRACKING = re.compile(
    r"utm_.*|gclid|gbraid|wbraid|dclid|fbclid|msclkid|yclid|mc_[ce]id|_ga|_gl|igshid|srsltid|"
    r"phpsessid|jsessionid|aspsessionid.*|oscsid|zenid|cfid|cftoken"
)
_SESSION = re.compile(r";jsessionid=[^/;]*", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ASSET = re.compile(
    r"\.(?:jpe?g|png|gif|webp|avif|svg|ico|bmp|tiff?|css|m?js|json|rss|atom|woff2?|ttf|otf|eot|mp[34]|m4[av]|ogg|og[av]|"
    r"wav|flac|webm|mov|avi|mkv|zip|gz|tgz|bz2|xz|7z|rar|exe|dmg|apk|iso|bin|pptx?|xlsx?|ics|vcf)",
    re.IGNORECASE,
)


def normalised(address: str, base: str = "") -> str:
    """The address as it is asked for: absolute, without a fragment and what tells visits apart, and with its host, path
    and query in ASCII. Raises ValueError where it is none of a page."""
    parts = urlsplit(urljoin(base, re.sub(r"[\t\r\n]", "", address.strip())))
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"{address[:MOST_URL]!r} is no address of a page, such as https://shop.example/prices.")
    host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    path = re.sub("%2e", ".", re.sub("^/+", "/", _SESSION.sub("", parts.path) or "/"), flags=re.IGNORECASE)
    path = quote(urljoin("/", path), _SAFE)
    kept = [each for each in parts.query.split("&") if not _TRACKING.fullmatch(each.partition("=")[0].lower())]
    query = quote("&".join(kept), _SAFE + "?[]")
    url = f"{parts.scheme}://{host}{port}{path}" + (f"?{query}" if query else "")
    target(url)
    return url


def target(url: str) -> Target:
    """Where the request goes. Raises ValueError."""
    try:
        return parse_url(url)
    except ToolError as error:
        raise ValueError(f"{url[:MOST_URL]!r} is no address of a page.") from error


def origin(url: str) -> str:
    """Scheme, host and port."""
    return "/".join(url.split("/", 3)[:3])


def file_name(url: str) -> str:
    """What stands behind the last slash of its path."""
    return unquote(urlsplit(url).path).rpartition("/")[2]


def is_asset(url: str) -> bool:
    """Whether its ending says that there is nothing to read: a picture, a script, an archive."""
    return bool(_ASSET.fullmatch(_ending(url)))


def is_document(url: str) -> bool:
    """Whether its ending says that it is a document that pages link to."""
    return _ending(url).lower() in (".pdf", ".docx")


def is_trap(url: str) -> bool:
    """Whether the path looks like one that goes on for ever."""
    segments = [segment for segment in urlsplit(url).path.split("/") if segment]
    return len(segments) > MOST_SEGMENTS or max(Counter(segments).values(), default=0) > MOST_REPEATS


def _ending(url: str) -> str:
    name = urlsplit(url).path.rpartition("/")[2]
    return name[name.rfind(".") :] if "." in name else ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What belongs to a site: addresses of `start`'s host that are below `path`, documents anywhere on it, and `start`
    itself. A host is the same with or without `www.`, at http's port and https's."""

    start: str
    path: str

    def is_at(self, url: str) -> bool:
        """Whether it is on the site's host. Raises ValueError where it is no address."""
        one, other = target(self.start), target(url)
        ports = one.port == other.port or {one.port, other.port} == set(_DEFAULT_PORTS.values())
        return ports and one.host.removeprefix("www.") == other.host.removeprefix("www.")

    def covers(self, url: str) -> bool:
        """Raises ValueError where it is no address."""
        path, start = target(url).path, target(self.start).path
        below = path.startswith(self.path) or path in (start, self.path.rstrip("/")) or is_document(url)
        return below and self.is_at(url)

    def place(self, link: str) -> str | None:
        """Where an absolute link leads, at the site's own scheme and host; None where that is no page of the site."""
        try:
            url = normalised(link)
            return origin(self.start) + url.removeprefix(origin(url)) if self.covers(url) else None
        except ValueError:
            return None

    def moved(self, start: str) -> "Scope":
        """The scope after its start has been redirected, which may have been to another folder."""
        return Scope(start, self.path if target(start).path.startswith(self.path) else path_below(start))


def path_below(url: str) -> str:
    """The path below which pages belong to the site that begins with this address, with a slash at its end."""
    path = urlsplit(url).path
    folder, _, name = path.rpartition("/")
    return f"{folder}/" if not name or "." in name else f"{path}/"
