"""A connection that is cut inside a verb, at each of many places: the call does it once, and answers as if it were not cut."""

from __future__ import annotations

import pytest

import hansard
from hansard.backend import Request
from hansard.model.documents import DocumentKey, DocumentWrite
from hansard.model.requests import Creation

ENDS = (1, 8, 14, 22, 40)
"""Bytes before the end of a call, where the answer of a commit lies."""
SPREAD = 4


class Verb:
    """One verb: what is there before it, the call, and its answer."""

    def prepare(self, store, name):
        store.create(id=name, entries=[hansard.user("one"), hansard.user("two")])

    def call(self, store, name):
        raise NotImplementedError

    def right(self, store, name, answer):
        """Whether it was done once, and the answer says so."""
        raise NotImplementedError


class Create(Verb):
    def prepare(self, store, name):
        pass

    def call(self, store, name):
        return store._place.backend.create(Creation(id=name, agent="a", user=name), Request())

    def right(self, store, name, answer):
        info = store.info(name)
        return answer.new and answer.seq == info.seq == info.number == 1


class CreateWithEntries(Create):
    def call(self, store, name):
        return store.create(id=name, entries=[hansard.user("one", id="e")], state={"n": 1})

    def right(self, store, name, answer):
        return store.info(answer.id).state == {"n": 1} and [entry.id for entry in store.get(name).entries()][1] == "e"


class CreateUnnamed(Create):
    def call(self, store, name):
        return store.create(agent="a", user=name)

    def right(self, store, name, answer):
        return [info.id for info in store.find(user=name)] == [answer.id]


class GetOrCreateById(Create):
    def call(self, store, name):
        return store._place.backend.create(Creation(id=name), Request(), reuse="id")

    def right(self, store, name, answer):
        return answer.new and answer.seq == store.info(name).seq == 1


class GetOrCreateByPair(Create):
    def call(self, store, name):
        return store._place.backend.create(Creation(agent="a", user=name), Request(), reuse="pair")

    def right(self, store, name, answer):
        return answer.new and [(info.id, info.number) for info in store.find(user=name)] == [(answer.id, 1)]


class Fork(Verb):
    def call(self, store, name):
        return store.fork(name, at=2, id=f"{name}-fork").id

    def right(self, store, name, answer):
        return answer == f"{name}-fork" and [message.text for message in store.get(answer).history()] == ["one"]


class ForkUnnamed(Verb):
    def call(self, store, name):
        return store.get(name).fork(labels={"of": name}).id

    def right(self, store, name, answer):
        return [info.id for info in store.find(labels={"of": name})] == [answer]


class Spawn(Verb):
    def call(self, store, name):
        return store._place.backend.create(Creation(id=f"{name}-child", parent=name), Request())

    def right(self, store, name, answer):
        return answer.new and [child.id for child in store.get(name).children()] == [f"{name}-child"]


class SpawnUnnamed(Verb):
    def call(self, store, name):
        return store.get(name).spawn().id

    def right(self, store, name, answer):
        return [child.id for child in store.get(name).children()] == [answer]


class SpawnResident(Verb):
    def call(self, store, name):
        return store._place.backend.create(Creation(parent=name, name="reviewer"), Request())

    def right(self, store, name, answer):
        return answer.new and [child.id for child in store.get(name).children()] == [answer.id]


class Delete(Verb):
    def prepare(self, store, name):
        super().prepare(store, name)
        store.get(name).spawn(id=f"{name}-child")

    def call(self, store, name):
        return store._place.backend.delete(name)

    def right(self, store, name, answer):
        return answer == (name, f"{name}-child") and not store.exists(name)


class SaveExpecting(Verb):
    def prepare(self, store, name):
        store.documents.save(name, "one")

    def call(self, store, name):
        return store.documents.save(name, "two", expect=1).version

    def right(self, store, name, answer):
        said = [version.version for version in store.documents.versions(name)]
        return answer == 2 and said == [1, 2] and store.documents.load(name) == "two"


class SaveFirst(SaveExpecting):
    def prepare(self, store, name):
        pass

    def call(self, store, name):
        return store.documents.save(name, "two", expect=0).version + 1

    def right(self, store, name, answer):
        return answer == 2 and len(store.documents.versions(name)) == 1


class ModifyDocument(SaveExpecting):
    def call(self, store, name):
        return store.documents.modify(name, lambda text: text.replace("one", "two")).version


class DeleteDocument(SaveExpecting):
    def call(self, store, name):
        return store.documents.delete(name)

    def right(self, store, name, answer):
        return answer is True and [one.sha256 != "" for one in store.documents.versions(name)] == [True, False]


class DeleteHistory(DeleteDocument):
    def call(self, store, name):
        return store.documents.delete(name, history=True)

    def right(self, store, name, answer):
        return answer is True and [one.version for one in store.documents.versions(name)] == [2]


class AppendWithDocument(Verb):
    def call(self, store, name):
        writes = [DocumentWrite(DocumentKey("", name, "md"), b"two", expect=0)]
        return store.get(name).append(hansard.user("three"), store_documents=writes)

    def right(self, store, name, answer):
        return answer == 4 == store.info(name).seq and len(store.documents.versions(name)) == 1


class AppendNothingButDocument(AppendWithDocument):
    def call(self, store, name):
        writes = [DocumentWrite(DocumentKey("", name, "md"), b"two", expect=0)]
        return store.get(name).append([], store_documents=writes)

    def right(self, store, name, answer):
        return answer == 3 == store.info(name).seq and len(store.documents.versions(name)) == 1


class Append(Verb):
    def call(self, store, name):
        return store.get(name).append(hansard.user("three"), expect=3)

    def right(self, store, name, answer):
        return answer == 4 == store.info(name).seq


class Modify(Append):
    def call(self, store, name):
        return store.get(name).modify(lambda draft: draft.append(hansard.user("three")))


class Label(Append):
    def call(self, store, name):
        return store.get(name).update(labels={"k": "v"})

    def right(self, store, name, answer):
        return (
            super().right(store, name, answer) and [info.id for info in store.find(labels={"k": "v"})].count(name) == 1
        )


class Lease(Append):
    def call(self, store, name):
        return store.get(name).lease("me", 60).fence + 3


class Erase(Verb):
    def call(self, store, name):
        return store.get(name).erase([2])

    def right(self, store, name, answer):
        return answer.seqs == (2,) and [entry.kind for entry in store.get(name).entries()].count("erase") == 1


class Attach(Verb):
    def call(self, store, name):
        return store.get(name).attach(b"picture", mime="image/png").sha256

    def right(self, store, name, answer):
        return store.attachment(name, answer) == b"picture" and store.info(name).seq == 4


class Copy(Verb):
    def prepare(self, store, name):
        pass

    def call(self, store, name):
        with hansard.open("memory:") as source:
            source.create(id=name, entries=[hansard.user("one")]).attach(b"picture", mime="image/png")
            (copied,) = source.copy([name], store)
            return copied.new, copied.added, source.info(name).hash

    def right(self, store, name, answer):
        return answer == (True, 3, store.info(name).hash)


class CopyTheRest(Copy):
    def call(self, store, name):
        with hansard.open("memory:") as source:
            session = source.create(id=name, entries=[hansard.user("one")])
            source.copy([name], store)
            session.append(hansard.user("two"))
            (copied,) = source.copy([name], store)
            return not copied.new, copied.added + 2, source.info(name).hash


class Reset(Verb):
    def call(self, store, name):
        return store.tenant(name).reset()

    def prepare(self, store, name):
        with store.tenant(name) as tenant:
            tenant.create(id="s")
            tenant.create(id="t")

    def right(self, store, name, answer):
        with store.tenant(name) as tenant:
            return answer == 2 and tenant.heads() == {}


VERBS = {kind.__name__: kind() for kind in (
    Create, CreateWithEntries, CreateUnnamed, GetOrCreateById, GetOrCreateByPair, Fork, ForkUnnamed, Spawn, SpawnUnnamed,
    SpawnResident, Delete, SaveExpecting, SaveFirst, ModifyDocument, DeleteDocument, DeleteHistory, AppendWithDocument,
    AppendNothingButDocument, Append, Modify, Label, Lease, Erase, Attach, Copy, CopyTheRest, Reset,
)}  # fmt: skip


@pytest.fixture
def through(proxied):
    """A store behind the proxy whose every byte belongs to the verb that is called."""
    with hansard.open(f"{proxied}&notify=off&prepare=off&connections=1&deadline=60&patience=60") as store:
        yield store


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_a_verb_that_is_cut_at_any_place_is_done_once_and_answers_as_if_it_were_not(store, proxy, through, verb):
    for name in ("warm", "measured"):
        verb.prepare(store, name)
        before = dict(proxy.passed)
        assert verb.right(store, name, verb.call(through, name))
    sizes = {way: proxy.passed[way] - before[way] for way in before}
    for way, size in sizes.items():
        places = {size * place // SPREAD for place in range(SPREAD)} | {max(0, size - end) for end in ENDS}
        for place in sorted(places):
            name = f"{way}-{place}"
            verb.prepare(store, name)
            proxy.cut_after(**{way: place})
            answer = verb.call(through, name)
            proxy.cut_after()
            assert verb.right(store, name, answer), (name, answer)
    assert min(proxy.cuts.values()) >= len(ENDS)
    assert [finding.message for finding in store.check()] == []
