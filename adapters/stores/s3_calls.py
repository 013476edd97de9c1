"""The library's blocking calls, made in a few threads of our own, with its errors in our words."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from adapters.stores.s3_errors import in_our_words

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Result = TypeVar("Result")


class Calls:
    """The client of one bucket, and who waits for its answers."""

    def __init__(self, client: "S3Client", bucket: str, threads: int) -> None:
        """Make the threads.

        Args:
            client: Shared by all of them.
            bucket: That every call is about.
            threads: Most calls at once.
        """
        self.client = client
        self.bucket = bucket
        self._where = client.meta.endpoint_url
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="s3")

    async def __call__(self, key: str, work: Callable[[], Result]) -> Result:
        """Do something about a key; raises what the port names (see ``in_our_words``)."""
        with in_our_words(self.bucket, key, self._where):
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def close(self) -> None:
        """Let go of threads and connections."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        self.client.close()
