"""A conversation that is begun in one framework and continued in others, with the command line looking on."""

from __future__ import annotations

import asyncio
import json

import pytest
from click.testing import CliRunner

import hansard
from hansard.cli.root import hansard as program

WHY = "one of the frameworks is not installed; the dependency group `frameworks` has them"
agents = pytest.importorskip("agents", reason=WHY)
testing = pytest.importorskip("agents.testing", reason=WHY)
pytest.importorskip("pydantic_ai.conversation_store", reason=WHY)
pytest.importorskip("strands", reason=WHY)

from pydantic_ai import Agent
from pydantic_ai.messages import ModelResponse, TextPart
from pydantic_ai.models.function import FunctionModel
from strands import Agent as StrandsAgent
from strands.session.repository_session_manager import RepositorySessionManager

from hansard.adapters.openai_agents import HansardSession
from hansard.adapters.pydantic_ai import HansardConversationStore, SaveConversation
from hansard.adapters.strands import HansardSessionRepository
from support.scripted_strands import Scripted


@agents.function_tool
def read_gauge() -> str:
    """Read the tide gauge."""
    return "2.4 m"


def in_openai_agents(folder, prompt, *answers):
    """A run; what the model was sent last."""
    model = testing.ScriptedModel(list(answers))
    session = HansardSession("tide", folder, project="harbour")
    asyncio.run(agents.Runner.run(agents.Agent(name="a", model=model, tools=[read_gauge]), prompt, session=session))
    session.close()
    return model.calls[-1].input


def in_pydantic_ai(folder, prompt, answer):
    """A run; what the model was sent."""
    sent = []

    def model(messages, info):
        sent[:] = messages
        return ModelResponse(parts=[TextPart(answer)])

    async def work():
        store = HansardConversationStore(folder)
        agent = Agent(FunctionModel(model), capabilities=[SaveConversation(store)])
        await agent.run(prompt, conversation=await store.load("tide"))
        store.close()

    asyncio.run(work())
    return sent


def in_strands(folder, prompt, answer):
    """A run; what the model was sent."""
    repository = HansardSessionRepository(folder)
    model = Scripted(answer)
    manager = RepositorySessionManager("tide", repository)
    told = repository.conversation("tide")
    StrandsAgent(agent_id="s", model=model, session_manager=manager, messages=told, callback_handler=None)(prompt)
    repository.close()
    return model.seen[0]


def in_langgraph(folder, prompt, answer):
    """A run; what the node was given."""
    graphs = pytest.importorskip("langgraph.graph", reason=WHY)
    messages = pytest.importorskip("langchain_core.messages", reason=WHY)
    from hansard.adapters.langgraph import HansardSaver
    from hansard.adapters.langgraph_conversation import conversation

    given = []

    def node(state):
        given[:] = state["messages"]
        return {"messages": [messages.AIMessage(answer)]}

    builder = graphs.StateGraph(graphs.MessagesState)
    builder.add_node("node", node)
    builder.add_edge(graphs.START, "node")
    with hansard.open(folder) as store, HansardSaver(store) as saver:
        graph = builder.compile(checkpointer=saver)
        asked = [*conversation(store.get("tide")), messages.HumanMessage(prompt)]
        graph.invoke({"messages": asked}, {"configurable": {"thread_id": "tide"}})
    return given


def shown(folder, *words):
    result = CliRunner().invoke(program, ["--store", str(folder), *words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def begun(tmp_path):
    """A store with a conversation of the OpenAI Agents SDK that called a tool."""
    answers = [[testing.function_call("read_gauge", {}, call_id="c1")], [testing.assistant_message("2.4 metres")]]
    in_openai_agents(tmp_path, "How high is the tide?", *answers)
    return tmp_path


def test_the_command_line_lists_searches_shows_and_exports_it(begun):
    [row] = [json.loads(line) for line in shown(begun, "ls", "-o", "jsonl").splitlines()]
    assert (row["id"], row["project"], row["title"]) == ("tide", "harbour", "How high is the tide?")
    assert "tide" in shown(begun, "search", "metres")
    assert "tide" in shown(begun, "search", "tool:read_gauge")
    shown(begun, "export", "tide", "--format", "md", "-O", str(begun / "tide.md"))
    for text in (shown(begun, "show", "tide"), (begun / "tide.md").read_text("utf-8")):
        assert all(word in text for word in ("How high is the tide?", "read_gauge", "2.4 m", "2.4 metres"))


def test_each_framework_goes_on_with_what_the_others_said(begun):
    sent = in_pydantic_ai(begun, "And tomorrow?", "2.6 metres")
    assert [part.part_kind for message in sent for part in message.parts] == [
        "user-prompt", "tool-call", "tool-return", "text", "user-prompt",
    ]  # fmt: skip
    assert sent[2].parts[0].tool_name == "read_gauge"
    sent = in_strands(begun, "And after that?", "2.7 metres")
    assert [[next(iter(block)) for block in message["content"]] for message in sent] == [
        ["text"], ["toolUse"], ["toolResult"], ["text"], ["text"], ["text"], ["text"],
    ]  # fmt: skip
    items = in_openai_agents(begun, "Thanks", [testing.assistant_message("Any time")])
    assert [item.get("type", "message") for item in items][:3] == ["message", "function_call", "function_call_output"]
    said = [item["content"] for item in items if item.get("role") == "user"]
    assert said == ["How high is the tide?", "And tomorrow?", "And after that?", "Thanks"]
    with hansard.open(begun) as store:
        session = store.get("tide")
        assert [message.role for message in session.history()] == [
            "user", "assistant", "tool", "assistant", *["user", "assistant"] * 3,
        ]  # fmt: skip
        assert len(session.branches()) == 1
        assert [finding for finding in store.check() if finding.severity == "damage"] == []


def test_a_graph_goes_on_with_what_another_framework_said(begun):
    given = in_langgraph(begun, "And tomorrow?", "2.6 metres")
    assert [message.type for message in given] == ["human", "ai", "tool", "ai", "human"]
    assert given[1].tool_calls[0]["name"] == "read_gauge"
    items = in_openai_agents(begun, "Thanks", [testing.assistant_message("Any time")])
    said = [item["content"] for item in items if item.get("role") == "user"]
    assert said == ["How high is the tide?", "And tomorrow?", "Thanks"]


HOSTILE = {
    "an image": [
        {"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}]}
    ],
    "reasoning": [{"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]}],
    "a call with broken arguments": [
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{not json"},
        {"type": "function_call_output", "call_id": "c", "output": "Error: boom"},
    ],
    "an output without a call": [{"type": "function_call_output", "call_id": "zz", "output": "lost"}],
    "a kind of the future": [{"type": "from_the_future", "x": {"y": [1]}}, {}],
    "half a character": [{"role": "user", "content": "a\ud800b\x00c"}],
}


@pytest.mark.parametrize("items", HOSTILE.values(), ids=HOSTILE)
def test_whatever_one_framework_wrote_the_others_and_the_command_line_go_on(begun, items):
    async def add():
        session = HansardSession("tide", begun)
        await session.add_items(items)
        found = await session.get_items(limit=len(items))
        session.close()
        return found

    assert asyncio.run(add()) == items
    for words in (
        ("ls",),
        ("show", "tide"),
        ("search", "metres"),
        ("export", "tide", "--format", "md", "-O", str(begun / "t.md")),
    ):
        shown(begun, *words)
    assert in_pydantic_ai(begun, "And tomorrow?", "2.6 metres")[-1].parts[-1].content == "And tomorrow?"
    assert in_strands(begun, "And then?", "2.7 metres")
    in_openai_agents(begun, "Thanks", [testing.assistant_message("Any time")])
