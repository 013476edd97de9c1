"""Why the pipeline could not do what it was asked.

::

    PipelineError
      InputRejected            the material cannot be rendered, and the user can change that
        UnreadableFile         unreadable        name
        EmptyFile              empty             name
        NotARecording          not_a_recording   name, found
        NoSound                no_sound          name
        NoSpeech               no_speech         seconds
        TakeTooShort           take_too_short    seconds, limit_s
        TakeTooLong            take_too_long     seconds, limit_s
        NotAVideo              not_a_video       name, found
        PictureNotVideo        picture           name
        NoFaceFound            no_face           frame, second
        VideoTooLarge          video_too_large   width_px, height_px, limit_px
        VideoTooLong           video_too_long    seconds, limit_s
        UnsupportedCodec       unsupported       codec, second
      EngineUnavailable        an engine, its extra or its weights are not installed
        WeightsMissing         weights are not installed, or not all of them
        DeviceFull             a device has no room for an engine's models
        WeightsAltered         weights are not what was pulled
      NotHeard                 nobody could write down what is said
        WeightsBroken          Whisper's weights are there, and cannot be used
      ChildCrashed             the disposable child failed, and not because of the material
      LabelLost                a Clip was written without its AI label
      Stopped                  somebody asked to stop

``code`` and the names of ``facts`` are what the texts for people are written against (``bot/texts``).
"""

from typing import ClassVar


class PipelineError(Exception):
    """Base of everything the pipeline raises on purpose."""


class InputRejected(PipelineError):
    """The material cannot be rendered, and the user can change that."""

    code: ClassVar[str]

    def __init__(self, **facts: str | float) -> None:
        super().__init__(self.code, facts)
        self.facts = facts


class UnreadableFile(InputRejected):
    """Neither sound nor video could be decoded. Facts: ``name``."""

    code = "unreadable"


class EmptyFile(InputRejected):
    """The file has no bytes. Facts: ``name``."""

    code = "empty"


class NotARecording(InputRejected):
    """Something else came where a recording was expected. Facts: ``name``, ``found`` (what it is)."""

    code = "not_a_recording"


class NoSound(InputRejected):
    """A video without a sound track was sent as a recording. Facts: ``name``."""

    code = "no_sound"


class NoSpeech(InputRejected):
    """Nobody speaks in the recording. Facts: ``seconds`` (its length)."""

    code = "no_speech"


class TakeTooShort(InputRejected):
    """Facts: ``seconds``, ``limit_s``."""

    code = "take_too_short"


class TakeTooLong(InputRejected):
    """Facts: ``seconds``, ``limit_s``."""

    code = "take_too_long"


class NotAVideo(InputRejected):
    """Something else came where a Template was expected. Facts: ``name``, ``found`` (what it is)."""

    code = "not_a_video"


class PictureNotVideo(InputRejected):
    """A still picture came where a Template was expected. Facts: ``name``."""

    code = "picture"


class NoFaceFound(InputRejected):
    """No frame, or too few, show a face. Facts: ``frame`` (from 0, the first without), ``second``."""

    code = "no_face"


class VideoTooLarge(InputRejected):
    """Facts: ``width_px``, ``height_px``, ``limit_px`` (of the product)."""

    code = "video_too_large"


class VideoTooLong(InputRejected):
    """Facts: ``seconds``, ``limit_s``."""

    code = "video_too_long"


class UnsupportedCodec(InputRejected):
    """Nothing here decodes it. Facts: ``codec``, ``second``."""

    code = "unsupported"


class EngineUnavailable(PipelineError):
    """An engine cannot be used here; the message says which command installs what is missing."""


class WeightsMissing(EngineUnavailable):
    """Weights are not installed, or not all of them; the message says which command brings them."""


class WeightsAltered(EngineUnavailable):
    """Weights, or the record of them, are not what was pulled; the message says which command mends that."""


class DeviceFull(EngineUnavailable):
    """A device has no room left for an engine's models; the message says what to do."""


class NotHeard(PipelineError):
    """Nobody could write down what is said; the message says why, to the operator."""


class WeightsBroken(NotHeard):
    """Weights are installed and cannot be loaded or run; the message says what their library says."""


class ChildCrashed(PipelineError):
    """The disposable child failed for a reason of ours; the message holds what it told last."""


class LabelLost(PipelineError):
    """A Clip's embedded AI label cannot be read back: it must not be delivered, and is ours to mend."""


class Stopped(PipelineError):
    """Somebody asked to stop; nothing half-written is left behind."""
