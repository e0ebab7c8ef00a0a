"""A model for Strands that says what it is told to say."""

from __future__ import annotations

from strands.models.model import Model


class Scripted(Model):
    """A model that gives these answers; a dict is a tool call."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.seen = []

    def update_config(self, **config):
        pass

    def get_config(self):
        return {}

    async def structured_output(self, *args, **kwargs):
        raise NotImplementedError
        yield

    async def stream(self, messages, *args, **kwargs):
        self.seen.append([dict(message) for message in messages])
        answer = self.answers.pop(0)
        yield {"messageStart": {"role": "assistant"}}
        call = isinstance(answer, dict)
        start = {"toolUse": {"toolUseId": answer["id"], "name": answer["name"]}} if call else {}
        yield {"contentBlockStart": {"start": start}}
        delta = {"toolUse": {"input": "{}"}} if call else {"text": answer}
        yield {"contentBlockDelta": {"delta": delta}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "tool_use" if call else "end_turn"}}
        yield {
            "metadata": {"usage": {"inputTokens": 7, "outputTokens": 2, "totalTokens": 9}, "metrics": {"latencyMs": 1}}
        }
