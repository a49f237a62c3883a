"""The script of the chat widget (docs/widget.md)."""

from flask import Blueprint, Response

from app.site.files import file_response
from app.web.reference.operations import file_operation

PATHS = ("/widget.js", "/widget/chat-widget.js")
SECONDS = 300  # for so long may a page show the old widget after an upgrade

OPERATIONS = tuple(
    file_operation(path, "The chat widget's script", "text/javascript", description="For a `<script>` in any page.")
    for path in PATHS
)

blueprint = Blueprint("site", __name__)


@blueprint.get(PATHS[1])
@blueprint.get(PATHS[0])
def chat_widget() -> Response:
    """The script, the same for every page. Any page may load it: it holds no key, and asks for nothing by itself."""
    response = file_response("chat-widget.js", SECONDS)
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # for pages that are isolated (COEP)
    return response
