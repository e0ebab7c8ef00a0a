"""As much of the store as an import needs, in memory: for tests of the readers and the driver alone."""

from __future__ import annotations

from hashlib import sha256
from types import SimpleNamespace

from hansard.codec import values
from hansard.errors import AlreadyExists, Conflict, Invalid, NotFound
from hansard.model.entry import Entry
from hansard.model.info import Attachment


class FakeStore:
    def __init__(self):
        self.made = {}
        self.appends = 0

    def sessions(self, **_filters):
        """None of these sessions is fed by an adapter."""
        return iter(())

    def get(self, identity):
        if identity not in self.made:
            raise NotFound(identity)
        return self.made[identity]

    def create(self, **fields):
        if fields["id"] in self.made:
            raise AlreadyExists(fields["id"])
        session = FakeSession(self, **fields)
        self.made[session.id] = session
        return session


class FakeSession:
    def __init__(self, store, *, source=None, parent=None, **fields):
        self.store = store
        self.id = fields["id"]
        self.source = source
        self.parent = parent
        self.fields_given = fields
        self.log = [Entry(seq=1, id="created", at="", kind="created", body={})]
        self.files = {}
        self.reads = 0
        self.fail_at = None

    def spawn(self, **fields):
        return self.store.create(parent=self.id, **fields)

    @property
    def info(self):
        fields = {}
        for entry in self.log:
            if entry.kind == "update":
                fields |= entry.body.get("set", {})
        return SimpleNamespace(seq=len(self.log), source=self.source, fields=fields, entry_count=len(self.log))

    def entries(self, after=0):
        self.reads += 1
        return iter(self.log[after:])

    def append(self, entries, *, expect=None):
        self.store.appends += 1
        if self.fail_at is not None and self.store.appends >= self.fail_at:
            raise KeyboardInterrupt
        if expect is not None and expect != len(self.log):
            msg = "moved"
            raise Conflict(msg, seq=len(self.log))
        taken = {entry.id for entry in self.log}
        for new in entries:
            if new.id in taken:
                msg = f"{new.id} twice"
                raise Invalid(msg)
            values.check_value(new.body)
            values.encode(new.body)
            if new.kind == "head":
                assert 0 <= new.body["to"] <= len(self.log)
                assert new.body["to"] == 0 or self.log[new.body["to"] - 1].kind in ("message", "compaction")
            if new.kind == "compaction":
                assert self.log[new.body["covers"] - 1].kind in ("message", "compaction")
            taken.add(new.id)
            self.log.append(
                Entry(seq=len(self.log) + 1, id=new.id, at=new.at, kind=new.kind, body=new.body, salt="0" * 16)
            )
        return len(self.log)

    def attach(self, data, *, mime, name=None, record=True):
        digest = sha256(data).hexdigest()
        self.files[digest] = data
        return Attachment(digest, len(data), mime, name)

    def attachment(self, digest):
        return self.files[digest]
