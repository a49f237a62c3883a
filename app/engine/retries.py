"""What of failed answers a model gets to see: a question that is asked again in the same words is not told again and
again, so that what made the answer fail, such as the prompt's length, does not grow with each try."""

from collections.abc import Iterable, Iterator

from app.engine.messages import Message, ToolResultPart


def without_tries(newest_first: Iterable[tuple[Message, bool]], question: str | None = None) -> Iterator[Message]:
    """The messages, newest first, each with whether it is an answer that failed; `question` is what is asked now.

    Of a question whose answer failed, and which was then asked again in the same words, neither the question nor the
    answer is left. Where tools had run, the model is to know of it: the latest such try stays.
    """
    asked_next, tries, tools_ran = question, list[Message](), False
    for message, failed in newest_first:
        if failed:
            tries.append(message)
            continue
        again = message.role == "user" and message.text == asked_next
        ran = any(isinstance(part, ToolResultPart) for each in tries for part in each.parts)
        if again and (tools_ran or not ran):
            tries = []
            continue
        yield from (*tries, message)
        asked_next, tries, tools_ran = message.text if message.role == "user" else None, [], again
    yield from tries
