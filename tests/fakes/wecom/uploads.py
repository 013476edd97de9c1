"""Files handed over in chunks over the long connection."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from tests.fakes.wecom.limits import Broken, check_file

_CHUNK_BYTES: Final = 512 << 10
_CHUNKS: Final = 100


@dataclass
class Uploads:
    """What is under way, and what is there."""

    begun: dict[str, dict[str, Any]] = field(default_factory=dict)
    chunks: dict[str, dict[int, bytes]] = field(default_factory=dict)
    finished: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)
    """Kind, name, content, by media id."""

    def take(self, step: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """One frame: ``init``, ``chunk``, ``finish``; the body of its answer."""
        match step:
            case "init":
                if not 1 <= body["total_chunks"] <= _CHUNKS:
                    raise Broken(f"{body['total_chunks']} chunks")
                upload_id = f"up-{secrets.token_hex(6)}"
                self.begun[upload_id], self.chunks[upload_id] = body, {}
                return {"upload_id": upload_id}
            case "chunk":
                content = base64.b64decode(body["base64_data"], validate=True)
                if not 0 < len(content) <= _CHUNK_BYTES:
                    raise Broken(f"a chunk of {len(content)} bytes")
                self.chunks[body["upload_id"]][body["chunk_index"]] = content
                return None
            case "finish":
                return self._finish(body["upload_id"])
        raise Broken(f"no such step: {step}")

    def _finish(self, upload_id: str) -> dict[str, Any]:
        begun, chunks = self.begun.pop(upload_id), self.chunks.pop(upload_id)
        if sorted(chunks) != list(range(begun["total_chunks"])):
            raise Broken("chunks are missing")
        content = b"".join(chunks[index] for index in sorted(chunks))
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if (len(content), digest) != (begun["total_size"], begun["md5"]):
            raise Broken("what was handed over is not what was announced")
        check_file(begun["type"], begun["filename"], content)
        media_id = f"sent-{secrets.token_hex(8)}"
        self.finished[media_id] = (begun["type"], begun["filename"], content)
        return {"type": begun["type"], "media_id": media_id, "created_at": 1}
