"""axe-core, which looks at a page as people with screen readers and weak eyes would have to."""

from support.chromium import Chromium
from support.sdk import installed


def prefer(page: Chromium, scheme: str) -> None:
    """Light or dark; what would move stands still, so that what is looked at stays."""
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    page.call("Emulation.setEmulatedMedia", features=features)


def resize(page: Chromium, width: int, height: int) -> None:
    """The window; narrow ones are phones."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 480}
    page.call("Emulation.setDeviceMetricsOverride", **size)


def violations(page: Chromium, *, hidden: bool = False) -> list[str]:
    """What axe-core finds, in all of its rules. Of colours it must be sure, unless some of the page is `hidden`."""
    page.evaluate((installed() / "node_modules/axe-core/axe.min.js").read_text() + "; void 0")
    found = page.evaluate("axe.run(document, { resultTypes: ['violations', 'incomplete'] })")
    unsure = [each for each in found["incomplete"] if each["id"] == "color-contrast" and not hidden]
    return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in [*found["violations"], *unsure]]
