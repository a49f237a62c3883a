"""The language of templates: a subset of Jinja that reaches nothing but its variables, with limits on time and output.

Nothing can be called, assigned or imported. Attributes are keys of mappings and nothing else. Arithmetic is for
numbers. Loops check the time limit on each iteration, and output is counted as it is made. What grows without a loop,
such as numbers that are multiplied or text that is quoted again and again, is limited by the process in which templates
are filled in (rendering.py).
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import takewhile
from time import thread_time
from types import CodeType
from typing import Any

import jinja2
import orjson
from jinja2 import StrictUndefined, Undefined, nodes, pass_context
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from app.engine.texts import clean
from app.workflows.templates.filters import CLOCK, FILTERS, SECONDS, TESTS, TemplateError, each

MOST_CHARACTERS = 4000  # of a template's source
MOST_NODES, MOST_DEPTH = 500, 50  # of its syntax tree
MOST_OUTPUT = 120_000  # characters

_NODES = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Const, nodes.Name, nodes.Slice),
    *(nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Test, nodes.Keyword, nodes.List, nodes.Tuple, nodes.Dict),
    *(nodes.Pair, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod),
)
_LOOP = ("index", "index0", "first", "last")


class Template:
    """A template that has passed all checks that are possible without variables.

    `steps` are the ids of the steps that it refers to. `text` is its text where it has nothing to fill in, else None;
    `beginning` is what it begins with before anything is filled in.
    """

    def __init__(self, source: str) -> None:
        """Parses and compiles, but evaluates nothing. Raises TemplateError."""
        tree, self.steps = _read(source)
        self.source, self.text = source, _constant(tree)
        self.beginning = _beginning(tree)
        _compile(tree)


def fill(source: str, variables: Mapping[str, Any], until: float | None = None) -> str:
    """The template's text. Memory and, outside loops, time have no limit: call it in a process that can be killed.

    `until` is the deadline on the thread's CPU clock (`thread_time()`), by default SECONDS from now. Raises
    TemplateError.
    """
    template = _compiled(source)
    until = thread_time() + SECONDS if until is None else until
    pieces: list[str] = []
    size = 0
    try:
        for piece in template.generate({**variables, CLOCK: until}):
            size += len(piece)
            if size > MOST_OUTPUT:
                raise TemplateError(f"A template made more than {MOST_OUTPUT} characters.")
            pieces.append(piece)
    except TemplateError:
        raise
    except MemoryError as error:
        raise TemplateError("A template took too much memory.") from error
    except Exception as error:
        raise TemplateError(f"A template cannot be filled in: {error}"[:300]) from error
    return clean("".join(pieces))


@lru_cache(256)
def _compiled(source: str) -> jinja2.Template:
    return _ENVIRONMENT.template_class.from_code(_ENVIRONMENT, _compile(_read(source)[0]), {})


def _read(source: str) -> tuple[nodes.Template, frozenset[str]]:
    """The syntax tree, and the ids of the steps that it refers to. Raises TemplateError."""
    if len(source) > MOST_CHARACTERS:
        raise TemplateError(f"Longer than {MOST_CHARACTERS} characters.")
    try:
        tree = _ENVIRONMENT.parse(source)
    except Exception as error:
        raise _template_error(error) from error
    _check_size(tree)
    return tree, frozenset(_check(tree))


def _compile(tree: nodes.Template) -> CodeType:
    """Raises TemplateError."""
    try:
        return _ENVIRONMENT.compile(_TimedLoops().visit(tree))
    except Exception as error:  # Jinja's and Python's compilers raise many kinds
        raise _template_error(error) from error


def _template_error(error: Exception) -> TemplateError:
    return TemplateError(f"Not a template: {error or type(error).__name__}")


def _constant(tree: nodes.Template) -> str | None:
    """The text of a template that has nothing to fill in, else None."""
    pieces = [*_pieces(tree)]
    texts = [piece.data for piece in pieces if isinstance(piece, nodes.TemplateData)]
    return clean("".join(texts)) if len(texts) == len(pieces) else None


def _beginning(tree: nodes.Template) -> str:
    texts = takewhile(lambda piece: isinstance(piece, nodes.TemplateData), _pieces(tree))
    return clean("".join(piece.data for piece in texts))  # type: ignore[attr-defined]


def _pieces(tree: nodes.Template) -> Iterator[nodes.Node]:
    for output in tree.body:
        yield from output.nodes if isinstance(output, nodes.Output) else [output]


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(["+", "-", "*", "/", "//", "%"])

    def call_binop(self, _context: Context, operator: str, left: Any, right: Any) -> Any:
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            raise TypeError(f"{operator} is for numbers; the filters int and float make them")
        return self.binop_table[operator](left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping | list | tuple | str):
            try:
                return obj[argument]
            except (LookupError, TypeError):
                pass
        return self.undefined(obj=obj, name=argument)


class _TimedLoops(NodeTransformer):
    """Lets each loop check the time limit."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 - the library finds it by this name
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, "each", [], [], None, None, lineno=node.lineno)
        return node


def _check_size(tree: nodes.Template) -> None:
    """Raises TemplateError where compiling the tree would take long."""
    level: list[nodes.Node] = [tree]
    size = 0
    for _ in range(MOST_DEPTH):
        size += len(level)
        level = [inner for node in level for inner in node.iter_child_nodes()]
        if not level:
            break
    if level or size > MOST_NODES:
        raise TemplateError(f"Has more than {MOST_NODES} elements, or is nested deeper than {MOST_DEPTH}.")


def _check(tree: nodes.Template) -> Iterator[str]:
    """The ids of the steps that are referred to. Raises TemplateError for what is not part of this language."""
    by_name: set[nodes.Name] = set()
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _NODES) or (isinstance(node, nodes.For) and node.recursive):
            raise TemplateError(f"{type(node).__name__} is not possible in a template here.")
        if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
            raise TemplateError(f"{node.attr!r} is out of reach.")
        if isinstance(node, nodes.Getattr | nodes.Getitem) and isinstance(node.node, nodes.Name):
            step = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
            if node.node.name == "steps" and isinstance(step, str):
                by_name.add(node.node)
                yield step
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            raise TemplateError(f"There is no filter {node.name!r}; there are: {', '.join(sorted(FILTERS))}.")
    loops = {name.name for loop in tree.find_all(nodes.For) for name in loop.target.find_all(nodes.Name)}
    loops |= {loop.target.name for loop in tree.find_all(nodes.For) if isinstance(loop.target, nodes.Name)}
    for name in tree.find_all(nodes.Name):
        if name.name == "steps" and name not in by_name:
            raise TemplateError("steps is followed by a step's id: steps.ID.result")
        if name.name not in {"steps", "input", "loop", *loops}:
            raise TemplateError(f"There is no {name.name!r} here; there are: input, steps.")


def as_text(value: Any) -> str:
    """A value as text: a string itself, None as "", anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


@pass_context  # so that nothing is evaluated at compile time
def _finalize(_context: Context, value: Any) -> Any:
    return value if isinstance(value, Undefined) else as_text(value)


_ENVIRONMENT = _Environment(undefined=StrictUndefined, finalize=_finalize, optimized=False, autoescape=False)
_ENVIRONMENT.globals.clear()
_ENVIRONMENT.tests = dict(TESTS)
_ENVIRONMENT.filters = {**FILTERS, "each": each}
