"""The operations of this wire."""

from app.engine.errors import Problem
from app.web.callers.accounts import CredentialsSchema
from app.web.reference.operations import Content, Operation, Reference, Reply, ok
from app.wires.things.replies import THINGS, KnownThingSchema, MessageSchema, TokenSchema
from app.wires.things.requests import PageSchema, ThingSchema

_THING = {"id": 736, "name": "Customer number", "content": "4711"}
_NEW = {"name": "Customer number", "content": "4711"}
_LINK = {"Link": 'Where there is more: the next page, as `rel="next"`.'}

REFERENCE = Reference(
    about="A small collection for each user who signs in: facts that a user wants the assistant to know. "
    "`flask users create` makes users.",
    error=MessageSchema,
    parameters={"thingId": {"type": "integer", "minimum": 0, "example": 736}},
    operations=(
        Operation(
            "post",
            "/login",
            "Sign in",
            (
                Reply(
                    200,
                    "A token. It works for 14 days after its last use, and for 90 days at most.",
                    (Content(TokenSchema, {"token": "JgT9…", "expiresAt": "2026-12-05T12:00:00Z"}),),
                    {"Authentication": "The token once more, as the header of that name takes it in later requests."},
                ),
            ),
            description="Tries are limited for each address and for each account.",
            body=CredentialsSchema,
            example={"email": "ada@example.com", "password": "correct horse"},
            cost="attempt",
            problems=(Problem.UNAUTHORIZED,),
            credential="none",
        ),
        Operation(
            "post",
            "/logout",
            "Sign out",
            (ok("The token works no more.", MessageSchema, {"code": 200, "message": "You are signed out"}),),
        ),
        Operation(
            "get",
            "/stuff",
            "List things",
            (Reply(200, "A page of the user's, oldest first.", (Content(THINGS, [_THING]),), _LINK),),
            query=PageSchema,
        ),
        Operation(
            "post",
            "/stuff",
            "Add a thing",
            (ok("The new thing.", KnownThingSchema, _THING, status=201),),
            body=ThingSchema,
            example=_NEW,
        ),
        Operation(
            "put",
            "/stuff/{thingId}",
            "Change a thing",
            (Reply(200, "The user's things, as the list has them.", (Content(THINGS, [_THING]),), _LINK),),
            description="A content that is not given stays.",
            body=ThingSchema,
            example=_NEW,
            problems=(Problem.NOT_FOUND,),
        ),
        Operation(
            "delete",
            "/stuff/{thingId}",
            "Remove a thing",
            (ok("It is gone.", MessageSchema, {"code": 200, "message": "Your thing (id: 736) was deleted"}),),
            problems=(Problem.NOT_FOUND,),
        ),
    ),
)
