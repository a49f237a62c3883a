"""The script of the chat widget (docs/widget.md).

No build step: browsers run the files of `static/widget`, one behind the other within one function, which is shortened
when the server starts: a request would hold up the others for so long.

No string ever becomes markup (no innerHTML, no style or handler attributes), so nothing that a model says can run. Page
and widget share nothing but `window.ParlanceChat`.
"""

from flask import Blueprint, Response

from app.site.files import function_of
from app.web.reference.operations import file_operation

PATHS = ("/widget.js", "/widget/chat-widget.js")
SECONDS = 300  # for so long may a page show the old widget after an upgrade
MARKDOWN = ("elements", "markdown", "blocks", "inline", "links", "numbers", "entities")  # the playground's, too
# In this order: constants are made of those before them.
PARTS = (
    *("words", "settings", "memory", *MARKDOWN),
    *("wire", "visit", "style", "colors", "after", "conversation", "turn", "resume", "panel"),
)

OPERATIONS = tuple(
    file_operation(path, "The chat widget's script", "text/javascript", description="For a `<script>` in any page.")
    for path in PATHS
)

_SCRIPT = function_of(f"widget/{name}.js" for name in PARTS)

blueprint = Blueprint("site", __name__)


@blueprint.get(PATHS[1])
@blueprint.get(PATHS[0])
def chat_widget() -> Response:
    """The script, the same for every page. Any page may load it: it holds no key."""
    response = _SCRIPT.response(SECONDS)
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # for pages that are isolated (COEP)
    return response
