"""Kept jobs on the disk: the answer's row in the Store, and how far its job has come.

When the file is opened, jobs that were open are failed: whoever held them is gone. The Store has
then already ended their answers' rows, with the text that was written down.
"""

# Statements are put together from constants of this module; what is given is always bound.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence

from chatterm.messages import State, Usage
from chatterm.server.jobs import STOPPED_SERVER
from chatterm.server.records import Records
from chatterm.server.work import Job, JobState, Written
from chatterm.store.database import Row

_COLUMNS = "id, message_id, user_id, state, error, error_kind, created_at, started_at, finished_at"
_STATES = {
    JobState.COMPLETE: State.COMPLETE,
    JobState.STOPPED: State.STOPPED,
    JobState.FAILED: State.FAILED,
    JobState.TIMEOUT: State.FAILED,
}


class Kept:
    """The keeper of jobs, over ``server.db``."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._db = records.db

    def fail_what_was_open(self) -> int:
        """Bring the jobs of a server that is gone to an end; return how many there were."""
        with self._db.atomic():
            return self._db.run(
                "UPDATE server_jobs SET state = ?, error = ?, error_kind = 'engine',"
                " finished_at = ? WHERE state IN ('pending', 'in_progress')",
                (JobState.FAILED, STOPPED_SERVER, self._records.clock()),
            )

    def accepted(self, job: Job) -> None:
        with self._db.atomic():
            self._db.run(
                f"INSERT INTO server_jobs ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    job.id,
                    job.message_id,
                    job.user_id,
                    job.state,
                    job.error,
                    job.error_kind,
                    job.created_at,
                    job.started_at,
                    job.finished_at,
                ),
            )

    def began(self, job: Job) -> None:
        with self._db.atomic():
            self._note(job)

    def checkpoint(self, written: Sequence[tuple[Job, Written]]) -> None:
        store = self._records.store
        with store.atomic():
            for job, what in written:
                if self._is_there(job):
                    store.checkpoint(job.message_id, text=what.text, reasoning=what.reasoning)

    def finished(self, job: Job, written: Written) -> None:
        store = self._records.store
        with store.atomic():
            if not self._is_there(job):
                return
            store.finish(
                job.message_id,
                state=_STATES[job.state],
                text=written.text,
                reasoning=written.reasoning,
                error=job.error,
                tool_calls=written.tool_calls,
                stop=job.stop,
                usage=job.usage,
                timings=job.timings,
            )
            self._note(job)

    def recall(self, job_id: str) -> tuple[Job, Written] | None:
        row = self._db.row(f"SELECT {_COLUMNS} FROM server_jobs WHERE id = ?", (job_id,))
        return self._recalled(row) if row is not None else None

    def of_message(self, message_id: str) -> Job | None:
        """The job that writes or wrote an answer."""
        row = self._db.row(
            f"SELECT {_COLUMNS} FROM server_jobs WHERE message_id = ?", (message_id,)
        )
        return self._recalled(row)[0] if row is not None else None

    def states(self, chat_id: str) -> dict[str, JobState]:
        """How far the answers of a chat are, by their messages."""
        rows = self._db.rows(
            "SELECT j.message_id, j.state FROM messages AS m"
            " JOIN server_jobs AS j ON j.message_id = m.id WHERE m.chat_id = ?",
            (chat_id,),
        )
        return {message_id: JobState(state) for message_id, state in rows}

    def state(self, message_id: str) -> JobState | None:
        """How far an answer is; None for one that has no job."""
        found: str | None = self._db.value(
            "SELECT state FROM server_jobs WHERE message_id = ?", (message_id,)
        )
        return JobState(found) if found is not None else None

    def _recalled(self, row: Row) -> tuple[Job, Written]:
        job_id, message_id, user_id, state, error, error_kind, created, started, finished = row
        store = self._records.store
        message = store.message(message_id)
        origin = store.provenance(message_id)
        job = Job(
            id=job_id,
            user_id=user_id,
            model=message.model,
            state=JobState(state),
            created_at=created,
            kept=True,
            message_id=message_id,
            error=error,
            error_kind=error_kind,
            started_at=started,
            finished_at=finished,
            stop=origin.stop if origin is not None else None,
            usage=origin.usage if origin is not None else Usage(),
        )
        return job, Written(message.text, message.reasoning, message.tool_calls)

    def _note(self, job: Job) -> None:
        self._db.run(
            "UPDATE server_jobs SET state = ?, error = ?, error_kind = ?, started_at = ?,"
            " finished_at = ? WHERE id = ?",
            (job.state, job.error, job.error_kind, job.started_at, job.finished_at, job.id),
        )

    def _is_there(self, job: Job) -> bool:
        """A chat may have been deleted under an answer that is being written."""
        return bool(self._db.value("SELECT 1 FROM server_jobs WHERE id = ?", (job.id,)))
