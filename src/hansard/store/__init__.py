"""Store and Session: policy on top of the contract. What is durable, atomic and ordered is the backend's affair."""

from __future__ import annotations

from ..fold import Branch
from .backups import Backup, Restored
from .changes import KEEP
from .cleaning import Cleaned, Kept
from .copying import Copied, CopyReport
from .documents import Documents
from .following import Located
from .leases import LeaseHandle
from .modifying import Draft
from .retention import RetentionPolicy
from .running import RunHandle
from .runs import Run, Trimmed
from .session import Session
from .snapshots import SnapshotStore
from .spending import Spent
from .store import Store
from .trajectory import Step

__all__ = [
    "KEEP",
    "Backup",
    "Branch",
    "Cleaned",
    "Copied",
    "CopyReport",
    "Documents",
    "Draft",
    "Kept",
    "LeaseHandle",
    "Located",
    "Restored",
    "RetentionPolicy",
    "Run",
    "RunHandle",
    "Session",
    "SnapshotStore",
    "Spent",
    "Step",
    "Store",
    "Trimmed",
]
