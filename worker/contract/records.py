"""The records both processes share. Frozen: a change is a new record, made by the ledger.

Words as in the design: a Take is one recording, a Template a prepared source video, a Batch what one person
orders at once, a Clip the finished video of one Template and one Take, an Archive the ZIP.
"""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from worker.contract.codes import Code, Flag, RemarkCode


class Record(BaseModel):
    """Base of all records: frozen, and nothing unknown slips in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TakeState(StrEnum):
    """Where a Take stands."""

    ANALYSING = "analysing"
    READY = "ready"
    REJECTED = "rejected"
    """The recording is the person's to change."""
    FAILED = "failed"
    """An incident of ours; sending it again tries again."""


class TemplateState(StrEnum):
    """Where a Template stands."""

    PREPARING = "preparing"
    READY = "ready"
    REJECTED = "rejected"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class BatchState(StrEnum):
    """Where a Batch stands; the last five are final, ``/retry`` reopens partial and failed."""

    QUEUED = "queued"
    PREPARING = "preparing"
    RENDERING = "rendering"
    PACKING = "packing"
    READY = "ready"
    DELIVERED = "delivered"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def active(self) -> bool:
        """Whether work or telling is still to come."""
        return self in _ACTIVE


_ACTIVE = {
    BatchState.QUEUED,
    BatchState.PREPARING,
    BatchState.RENDERING,
    BatchState.PACKING,
    BatchState.READY,
}


class ClipState(StrEnum):
    """Where a Clip stands."""

    WAITING = "waiting"
    RENDERING = "rendering"
    STORING = "storing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def open(self) -> bool:
        """Whether it can still become done."""
        return self in {ClipState.WAITING, ClipState.RENDERING, ClipState.STORING}


class Chat(Record):
    """Where we talk: one conversation on one platform."""

    platform: str
    """``console``, ``telegram``, ``wecom``, ``dingtalk``."""
    account: str
    """Which of our accounts on it; with the platform it names the mailbox."""
    id: str
    """The platform's id of the chat."""
    thread: str | None = None
    """The topic inside the chat, where the platform has such."""
    private: bool = True

    @property
    def mailbox(self) -> str:
        """The queue of what goes in and out through this account."""
        return f"{self.platform}:{self.account}"


class Person(Record):
    """Who talks to us."""

    id: str
    """The platform's id of the person."""
    name: str = ""
    language: Literal["en", "zh"] = "en"


class MessageRef(Record):
    """One message of ours, so that it can be revised."""

    chat: Chat
    id: str


class Reason(Record):
    """Why something did not work: a Rejection (the user's to fix) or an Incident (ours, with an id)."""

    code: Code
    facts: dict[str, str | float] = Field(default_factory=dict)
    incident: str | None = None
    """Set when the fault is ours; the log has the same id."""


class Remark(Record):
    """Something about a recording or a video that people should know; it is used all the same."""

    code: RemarkCode
    facts: dict[str, float] = Field(default_factory=dict)


class TakeRecord(Record):
    """One recording. ``id`` is the SHA-256 of its bytes, so that the same recording is analysed once."""

    id: str
    name: str
    """The file name it came with."""
    size_bytes: int
    state: TakeState = TakeState.ANALYSING
    created_at: datetime
    duration_s: float = 0.0
    speech_s: float = 0.0
    words: int = 0
    """How many were understood; without any there are no captions."""
    remarks: tuple[Remark, ...] = ()
    analyses: int = 0
    """How often it was analysed: 1, or the promise is broken."""
    reason: Reason | None = None


class TemplateRecord(Record):
    """One source video of the library."""

    id: str
    name: str
    """Unique in the library; what people type."""
    file_name: str
    sha256: str
    size_bytes: int
    state: TemplateState = TemplateState.PREPARING
    created_at: datetime
    width_px: int = 0
    height_px: int = 0
    fps: float = 0.0
    frames: int = 0
    duration_s: float = 0.0
    face_share: float = 0.0
    """Share of the frames that show a usable face, 0.0-1.0."""
    screen: Literal["green", "alpha"] | None = None
    """What can be replaced behind the presenter: a screen of one colour, or what is transparent; None: nothing."""
    remarks: tuple[Remark, ...] = ()
    seconds: float = 0.0
    """What preparing it took."""
    reason: Reason | None = None


class LineupCell(Record):
    """One Template of a Lineup."""

    number: int
    name: str
    sha256: str | None
    """Of the video whose poster is shown; None: it has no poster (yet)."""


class Lineup(Record):
    """What a picture of Templates side by side shows. The same cells are the same picture."""

    cells: tuple[LineupCell, ...]

    @property
    def id(self) -> str:
        """A digest of all it shows."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:32]


class MouthFigures(Record):
    """What was measured of a Clip's mouth, under the names that ``chorus inspect`` has for it; None: not measured."""

    tracking_r: float | None = None
    lag_frames: int | None = None
    silence_opening: float | None = None
    opening_ratio: float | None = None
    texture_ratio: float | None = None


class ClipResult(Record):
    """A finished Clip, as it lies in the store, and what its check found."""

    key: str
    size_bytes: int
    crc32: int
    sha256: str
    frames: int
    fps: float
    duration_s: float
    engine: str
    seconds: dict[str, float] = Field(default_factory=dict)
    av_offset_s: float | None = None
    mouth: MouthFigures = MouthFigures()
    outside_psnr_db: float | None = None
    flags: tuple[Flag, ...] | None = None
    """What the check has against it, worst first; None: it was not checked."""
    background_kept: bool = False
    """Another background was ordered, but the Template has none that could be replaced."""


class ClipRecord(Record):
    """One Clip of a Batch."""

    number: int
    """1 to N, in the order picked."""
    template_id: str
    template_name: str
    template_file: str
    state: ClipState = ClipState.WAITING
    done: int = 0
    """Frames rendered."""
    total: int = 0
    attempts: int = 0
    reason: Reason | None = None
    result: ClipResult | None = None
    queued_at: datetime | None = None
    """When it was ordered, or ordered again; None in records of earlier versions."""
    started_at: datetime | None = None
    """When a worker took it, the last time."""
    ended_at: datetime | None = None
    """When it was done, failed or cancelled."""


class SentPicture(Record):
    """A picture somebody sent, for behind the presenter; its bytes are in the store."""

    sha256: str
    name: str
    """The file name it came with."""


class OrderedBackground(Record):
    """What shall stand behind the presenter; one of the three."""

    colour: str | None = Field(default=None, pattern="^#[0-9a-f]{6}$")
    picture: SentPicture | None = None
    blur: bool = False
    """A soft field of the presenter's own colours."""


class OrderOptions(Record):
    """What else is asked of all Clips of a Batch; the defaults are what people get who ask for nothing."""

    playing: Literal["bounce", "loop", "hold"] = "bounce"
    """How a Template goes on that is shorter than the Take."""
    loudness: bool = True
    """Brought to a common loudness."""
    trim: bool = False
    """Silence before the first and behind the last word is left out."""
    denoise: bool = False
    """Steady noise is made quieter."""
    background: OrderedBackground | None = None
    """None: as the Template is."""
    captions: Literal["off", "files", "burned"] = "files"
    """Of Takes whose words are known: none, as files in the Archive, or in the picture as well."""
    zip: Literal["parts", "one", "none"] = "parts"
    """What is too large for one Archive comes in several, or all the same in one; or there is no Archive at all."""
    cloud: bool = True
    """Links may lead to a cloud store; else through our own door only."""
    label: bool = True
    """The visible text of the AI label; the embedded one is always there."""
    language: Literal["en", "zh"] = "en"
    """Of the label's text."""

    @property
    def picture(self) -> SentPicture | None:
        """What stands behind the presenter, if that is a picture."""
        return self.background.picture if self.background else None

    def captioned(self, take: TakeRecord) -> bool:
        """Whether the Archive gets the captions of this Take."""
        return self.captions != "off" and take.words > 0


class Order(Record):
    """What one person asks for: one Take, some Templates."""

    key: str
    """The message it came with; the same order again gives the same Batch."""
    chat: Chat
    person: Person
    reply_to: str | None = None
    """The platform's id of the message with the recording."""
    take_id: str
    take_name: str
    template_ids: tuple[str, ...]
    engine: str = "viseme"
    about_bytes: int = 0
    """What all its Clips may have together, guessed before."""
    clip_s: float = 0.0
    """How long each of its Clips becomes, guessed before: what counts against the minutes of a day."""
    urgent: bool = False
    """Served before all others; only administrators may ask for that."""
    weight: float = Field(default=1.0, gt=0)
    """Of its chat: one of weight 2 is served twice as often as one of weight 1, while both wait."""
    options: OrderOptions = OrderOptions()


class Allowance(Record):
    """What may be ordered; None: as much as somebody likes."""

    day: str
    """The day that is counted on: a date of the deployment's."""
    zone: str = "UTC"
    """By which clock that day ends."""
    batches_per_person: int | None = None
    """At once, in all chats of a platform together."""
    batches_per_chat: int | None = None
    minutes_per_person: float | None = None
    """Of finished video, in a day."""
    minutes_per_chat: float | None = None
    queue: int | None = None
    """Clips that wait in the whole deployment."""


class Outlook(Record):
    """What a Batch has before it."""

    ahead: int
    """Waiting Clips of others that are drawn first; Archives that are packed first, while it is to be packed."""
    left_s: float | None = None
    """Until its last Clip is stored, by what Clips of its engine took lately; None while that is not known."""


class Archive(Record):
    """A ZIP in the store."""

    key: str
    name: str
    """What it is called when it is downloaded."""
    size_bytes: int


class BatchRecord(Record):
    """One Batch with its Clips, as the ledger sees it at one moment."""

    id: str
    """Sorts by time of ordering."""
    code: str
    """Short, for people to type."""
    order: Order
    state: BatchState
    created_at: datetime
    finished_at: datetime | None = None
    expired_at: datetime | None = None
    """When its Clips and Archives were removed."""
    clips: tuple[ClipRecord, ...]
    cancelled: bool = False
    """Somebody asked to end it; it ends as cancelled once what was done is packed and told."""
    round: int = 1
    """1, and one more for every retry; each round has its own Archive."""
    archive_key: str | None = None
    archive_size_bytes: int = 0
    """Known as soon as it is being packed."""
    archive_name: str | None = None
    more_archives: tuple[Archive, ...] = ()
    """The second part of an Archive, and all that follow."""
    packed_bytes: int = 0
    """So much of the Archive lies in a store that takes its time."""
    progress_message: MessageRef | None = None
    reason: Reason | None = None
    """Why the whole Batch failed, when it did not fail Clip by Clip."""

    @property
    def archives(self) -> tuple[Archive, ...]:
        """All parts of the Archive, mostly one; none while it is not packed, or where none was wanted."""
        if self.archive_key is None:
            return ()
        name = self.archive_name or f"chorus_{self.code}.zip"
        first = Archive(key=self.archive_key, name=name, size_bytes=self.archive_size_bytes)
        return (first, *self.more_archives)

    @property
    def done(self) -> int:
        """Clips finished."""
        return sum(clip.state is ClipState.DONE for clip in self.clips)


class UnderWay(Record):
    """The Batches of a chat about which something is still to come."""

    count: int
    newest: tuple[tuple[BatchRecord, Outlook], ...]
    """Some of them, the newest first."""


class Utterance(Record):
    """Something the bot has to tell a chat: an entry of the outbox. The words are chosen when it is told."""

    kind: Literal["take", "outcome"]
    chat: Chat
    person: Person
    subject: str
    """The Take's or the Batch's id."""
    round: int = 0


class Fact(Record):
    """Something happened to a Batch: a hint to look at it again. Facts may be lost; records are the truth."""

    batch_id: str
    mailbox: str
