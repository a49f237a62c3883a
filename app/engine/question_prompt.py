"""The prompt that a question becomes in a round of its answer, and how many tokens it has."""

from collections.abc import Mapping, Sequence

from app.engine.agent import ToolSpec
from app.engine.engine import Engine
from app.engine.exchange import Exchange
from app.engine.messages import Message
from app.engine.prompt import Passage, Prompt, assemble, estimated_tokens, estimated_tool_tokens
from app.engine.question import Question

_NOTHING = Message("assistant", ())


def prompt_of(
    engine: Engine,
    question: Question,
    messages: Sequence[Message],
    passages: Sequence[Passage] = (),
    so_far: Message = _NOTHING,
    *,
    order: str = "",
    spent: int = 0,
) -> Prompt:
    """`messages` are the conversation's, `so_far` is what the answer has said, which has taken `spent` tokens."""
    agent, posted = question.agent, question.so_far.parts if question.so_far else ()
    callers = client_tools(question)
    return Prompt(
        agent,
        assemble(agent, messages, passages, so_far, shows_sources=question.shows_sources),
        question.options.within(agent, spent),
        [*_server_tools(engine, question, callers), *callers.values()],
        order,
        Exchange(question.request_id, question.trace),
        brought=len(so_far.parts) == len(posted),
        shows_sources=question.shows_sources,
        passages=passages,
    )


def client_tools(question: Question) -> Mapping[str, ToolSpec]:
    """Those that the caller runs, by name; none where none is to be called."""
    if question.options.tool_choice.kind == "none":
        return {}
    agents = question.agent.client_tools if question.runs_tools else ()
    return {tool.name: tool for tool in (*agents, *question.tools)}


def _server_tools(engine: Engine, question: Question, callers: Mapping[str, ToolSpec]) -> Sequence[ToolSpec]:
    """None where one of the caller's is to be called: then the answer ends with that call."""
    if question.options.tool_choice.kind == "required":
        return ()
    return [tool for tool in engine.toolbox.specs(question.agent) if tool.name not in callers]


def counted_tokens(engine: Engine, question: Question) -> int:
    """How many tokens the question's first prompt has, without passages of knowledge, which are looked up for answers
    only: as the server of the model says that would be asked, or else estimated. The question, which brings the
    conversation, is neither stored nor answered. May take as long as `AgentModel.count_tokens`."""
    prompt = _first_prompt(engine, question)
    if question.agent.id in engine.plans:
        return _estimate(prompt)
    return engine.models[question.agent.models].count_tokens(prompt) or _estimate(prompt)


def estimated_tokens_of(engine: Engine, question: Question) -> int:
    """The same, without asking anybody."""
    return _estimate(_first_prompt(engine, question))


def _first_prompt(engine: Engine, question: Question) -> Prompt:
    said = question.messages if question.client_history is None else question.client_history
    return prompt_of(engine, question, said, so_far=question.so_far or _NOTHING)


def _estimate(prompt: Prompt) -> int:
    return sum(map(estimated_tokens, prompt.messages)) + sum(map(estimated_tool_tokens, prompt.tools))
