"""Pictures for behind the presenters: decoded in a disposable child, once for each worker."""

from pathlib import Path
from typing import Final

from worker.child import Child, Refused
from worker.contract import keys
from worker.contract.codes import Code
from worker.contract.ports import ObjectMissing
from worker.contract.records import SentPicture
from worker.decoding import decode
from worker.holdings import Held
from worker.workshop import Workshop, refusal

PICTURE: Final = "picture.png"
"""What the child makes of a picture."""


class Pictures:
    """Makes pictures that the engine may open of those that people sent."""

    def __init__(self, shop: Workshop, child: Child) -> None:
        self._shop = shop
        self._child = child

    async def background(self, held: Held, picture: SentPicture) -> Path:
        """The picture as a file the engine may open. Raises NoLongerWanted, Impossible, ChildFailed, StoreUnavailable."""

        async def fill(folder: Path) -> None:
            await self._decode(held, picture, folder)

        folder = await self._shop.cache.picture(picture.sha256, fill, held.using)
        return folder / PICTURE

    async def _decode(self, held: Held, picture: SentPicture, folder: Path) -> None:
        store, key = self._shop.store, keys.picture(picture.sha256)
        with self._shop.own_folder() as own:
            source = own / "source"
            try:
                await held.persist(lambda: store.get_file(key, source))
                await decode(self._child, held, "picture", source, picture.name, own / "made")
            except ObjectMissing:
                raise refusal(Code.BACKGROUND_GONE, name=picture.name) from None
            except Refused:
                raise refusal(Code.BACKGROUND_UNREADABLE, name=picture.name) from None
            (own / "made" / PICTURE).replace(folder / PICTURE)
