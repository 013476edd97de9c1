"""The methods of the Bot API that a chat bot needs, as Telegram carries them out."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tests.fakes.telegram.limits import (
    ALERT,
    CAPTION,
    DOWNLOAD_BYTES,
    HOOK_PORTS,
    LOCAL_UPLOAD_BYTES,
    PHOTO_BYTES,
    SECRET,
    TEXT,
    UPLOAD_BYTES,
    Refused,
    breach,
    check_commands,
    check_markup,
    check_photo,
    read_text,
)
from tests.fakes.telegram.platform import Answer, Platform
from tests.fakes.telegram.world import File, Message, Room

CHARGED: Final = {
    *("sendmessage", "editmessagetext", "editmessagereplymarkup", "deletemessage"),
    *("editmessagecaption", "editmessagemedia"),
    *("sendphoto", "senddocument", "sendmediagroup", "sendchataction"),
}
"""What counts against the rates."""

_NOT_MODIFIED: Final = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly "
    "the same as a current content and reply markup of the message"
)


_OLD_QUERY: Final = (
    "Bad Request: query is too old and response timeout expired or query ID is invalid"
)


class Arguments:
    """What a request carries, however it was encoded."""

    def __init__(self, values: Mapping[str, Any], files: Mapping[str, File]) -> None:
        self._values = values
        self.files = files

    def text(self, name: str, default: str = "") -> str:
        found = self._values.get(name, default)
        return found if isinstance(found, str) else json.dumps(found)

    def number(self, name: str) -> int | None:
        found = self._values.get(name)
        return None if found in {None, ""} else int(str(found))

    def flag(self, name: str) -> bool:
        return str(self._values.get(name, "")).casefold() == "true"

    def thing(self, name: str) -> Any:
        """Something that is JSON inside a form."""
        found = self._values.get(name)
        return json.loads(found) if isinstance(found, str) and found else found

    def plain(self) -> dict[str, Any]:
        """For the test to look at."""
        return dict(self._values)


class Methods:
    """Carries requests out."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._edited_in_doubt: set[tuple[int, int]] = set()
        self._answered_in_doubt: set[str] = set()

    def find(self, name: str) -> Callable[[Arguments], Any] | None:
        """The method of this name, in lower case."""
        found: Callable[[Arguments], Any] | None = getattr(self, f"do_{name}", None)
        return found

    def doubt(self, args: Arguments) -> None:
        """The bot cannot know whether this was carried out: doing it again is no breach."""
        self._answered_in_doubt.add(args.text("callback_query_id"))
        message_id = args.number("message_id")
        if message_id is not None:
            self._edited_in_doubt.add((args.number("chat_id") or 0, message_id))

    # About the bot

    def do_getme(self, _: Arguments) -> Any:
        return self._platform.bot.json() | {
            "can_join_groups": True,
            "can_read_all_group_messages": not self._platform.privacy,
            "supports_inline_queries": False,
        }

    def do_logout(self, _: Arguments) -> Any:
        return True

    def do_close(self, _: Arguments) -> Any:
        return True

    def do_setmycommands(self, args: Arguments) -> Any:
        commands, scope = args.thing("commands"), args.thing("scope") or {"type": "default"}
        language = args.text("language_code")
        check_commands(commands, scope)
        if scope["type"] == "chat":
            self._admitted(Arguments({"chat_id": scope["chat_id"]}, {}))
        if language and not (len(language) == 2 and language.islower()):
            raise breach("invalid language code specified")
        self._platform.commands[scope["type"], language] = commands
        return True

    def do_getmycommands(self, args: Arguments) -> Any:
        scope = args.thing("scope") or {"type": "default"}
        return self._platform.commands.get((scope["type"], args.text("language_code")), [])

    # Updates

    def do_setwebhook(self, args: Arguments) -> Any:
        url, secret = args.text("url"), args.text("secret_token")
        if not url.startswith("https://"):
            raise breach("bad webhook: An HTTPS URL must be provided for webhook")
        if (urlsplit(url).port or 443) not in HOOK_PORTS:
            raise breach("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
        if not SECRET.fullmatch(secret):
            raise breach("a webhook without a secret is open to everybody")
        self._allow(args)
        self._platform.webhook.url, self._platform.webhook.secret = url, secret
        return True

    def do_deletewebhook(self, args: Arguments) -> Any:
        if args.flag("drop_pending_updates"):
            self._platform.note_breach("messages that waited were thrown away")
        self._platform.webhook.url = ""
        return True

    def do_getwebhookinfo(self, _: Arguments) -> Any:
        webhook = self._platform.webhook
        found: dict[str, Any] = {
            "url": webhook.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self._platform.pending),
            "allowed_updates": sorted(self._platform.allowed),
        }
        if webhook.last_error:
            at = time.time() if webhook.last_error_at is None else webhook.last_error_at
            found |= {"last_error_date": int(at), "last_error_message": webhook.last_error}
        return found

    def _allow(self, args: Arguments) -> None:
        allowed = args.thing("allowed_updates")
        if allowed:
            self._platform.allowed = set(allowed)

    # Messages

    def do_sendmessage(self, args: Arguments) -> Any:
        plain, entities = read_text(args.text("text"), args.text("parse_mode") or None, TEXT)
        if not plain.strip():
            raise breach("message text is empty")
        message = self._new(args, plain, entities)
        preview = args.thing("link_preview_options") or {}
        message.preview = not preview.get("is_disabled", False)
        return self._sent(message)

    def do_senddocument(self, args: Arguments) -> Any:
        local = self._platform.local_folder is not None
        return self._send_file(args, "document", LOCAL_UPLOAD_BYTES if local else UPLOAD_BYTES)

    def do_sendphoto(self, args: Arguments) -> Any:
        return self._send_file(args, "photo", PHOTO_BYTES)

    def do_sendmediagroup(self, args: Arguments) -> Any:
        media = args.thing("media")
        if not 2 <= len(media) <= 10:
            raise breach("a media group has 2 to 10 items")
        found = []
        for item in media:
            plain, entities = read_text(item.get("caption", ""), item.get("parse_mode"), CAPTION)
            message = self._new(args, plain, entities)
            self._attach(message, args, item["media"], item["type"], UPLOAD_BYTES)
            found.append(self._sent(message))
        return found

    def _send_file(self, args: Arguments, kind: Any, limit: int) -> Any:
        plain, entities = read_text(args.text("caption"), args.text("parse_mode") or None, CAPTION)
        message = self._new(args, plain, entities)
        self._attach(message, args, args.text(kind), kind, limit)
        return self._sent(message)

    def _attach(self, message: Message, args: Arguments, ref: str, kind: Any, limit: int) -> None:
        file = args.files.get(ref.removeprefix("attach://")) or args.files.get(kind)
        if file is None:
            known = self._platform.files.get(ref)
            if known is None:
                raise breach("wrong file identifier/HTTP URL specified")
            message.file, message.file_id = known, ref
            return
        if not file.content:
            raise breach("file must be non-empty")
        if len(file.content) > limit:
            raise Refused("Request Entity Too Large", 413, breach=True)
        if kind == "photo":
            check_photo(file.content)
        message.file = File(kind, file.content, file.name, file.mime)
        message.file_id = self._platform.keep_file(message.file)

    def do_editmessagetext(self, args: Arguments) -> Any:
        message = self._ours(args)
        plain, entities = read_text(args.text("text"), args.text("parse_mode") or None, TEXT)
        buttons = check_markup(args.thing("reply_markup"))
        if message.file is not None:
            raise Refused("Bad Request: there is no text in the message to edit")
        return self._change(message, plain, entities, buttons)

    def do_editmessagecaption(self, args: Arguments) -> Any:
        message = self._ours(args)
        plain, entities = read_text(args.text("caption"), args.text("parse_mode") or None, CAPTION)
        buttons = check_markup(args.thing("reply_markup"))
        if message.file is None:
            raise Refused("Bad Request: there is no caption in the message to edit")
        return self._change(message, plain, entities, buttons)

    def do_editmessagemedia(self, args: Arguments) -> Any:
        """A text gets a picture, or a picture another one; never the other way round."""
        message = self._ours(args)
        media = args.thing("media")
        plain, entities = read_text(media.get("caption", ""), media.get("parse_mode"), CAPTION)
        buttons = check_markup(args.thing("reply_markup"))
        before = (message.file, message.file_id)
        self._attach(message, args, media["media"], media["type"], PHOTO_BYTES)
        try:
            return self._change(message, plain, entities, buttons, before[1])
        except Refused:
            message.file, message.file_id = before
            raise

    def do_editmessagereplymarkup(self, args: Arguments) -> Any:
        message = self._ours(args)
        buttons = check_markup(args.thing("reply_markup"))
        return self._change(message, message.text, message.entities, buttons)

    def _change(
        self,
        message: Message,
        text: str,
        entities: list[Any],
        buttons: list[list[Any]],
        file_before: str | None = None,
    ) -> Any:
        same_file = file_before in {None, message.file_id}
        place = (message.room.id, message.id)
        in_doubt = place in self._edited_in_doubt
        self._edited_in_doubt.discard(place)
        shown = (message.text, message.entities, message.buttons)
        if same_file and shown == (text, entities, buttons):
            raise Refused(_NOT_MODIFIED, breach=not in_doubt)
        message.earlier.append(message.text)
        message.text, message.entities, message.buttons = text, entities, buttons
        self._platform.transcript.edited(message)
        return message.json(self._platform.bot)

    def do_deletemessage(self, args: Arguments) -> Any:
        room = self._admitted(args)
        message = room.message(args.number("message_id"))
        if message is None:
            raise Refused("Bad Request: message to delete not found")
        message.deleted = True
        self._platform.transcript.happened(room, f"(#{message.id} is deleted)", message.topic)
        return True

    def do_sendchataction(self, args: Arguments) -> Any:
        self._platform.topic_for(self._admitted(args), args.number("message_thread_id"))
        return True

    def do_answercallbackquery(self, args: Arguments) -> Any:
        query = self._platform.queries.get(args.text("callback_query_id"))
        if query is None or query.stale:
            raise Refused(_OLD_QUERY)
        text = args.text("text")
        if len(text) > ALERT:
            raise breach("MESSAGE_TOO_LONG")
        if query.answer is not None:
            raise Refused(_OLD_QUERY, breach=query.id not in self._answered_in_doubt)
        query.answer = Answer(text, args.flag("show_alert"))
        if text:
            line = f"({query.who.name} sees: {text})"
            self._platform.transcript.happened(query.message.room, line, query.message.topic)
        return True

    # Chats and files

    def do_getchat(self, args: Arguments) -> Any:
        return self._admitted(args).json() | {"accent_color_id": 1, "max_reaction_count": 11}

    def do_getchatmember(self, args: Arguments) -> Any:
        room, user = self._admitted(args), args.number("user_id") or 0
        return self._member(room, user)

    def do_getchatadministrators(self, args: Arguments) -> Any:
        room = self._admitted(args)
        return [
            self._member(room, user)
            for user, status in room.members.items()
            if status in {"creator", "administrator"}
        ]

    def _member(self, room: Room, user: int) -> Any:
        status = room.members.get(user)
        if status is None:
            raise Refused("Bad Request: user not found")
        found: dict[str, Any] = {
            "status": status,
            "user": {"id": user, "is_bot": False, "first_name": "?"},
            "is_anonymous": user in room.anonymous,
        }
        if status == "administrator":
            rights = (
                *(
                    "can_be_edited",
                    "can_manage_chat",
                    "can_delete_messages",
                    "can_restrict_members",
                ),
                *("can_manage_video_chats", "can_promote_members", "can_change_info"),
                *("can_invite_users", "can_post_stories", "can_edit_stories", "can_delete_stories"),
            )
            found |= dict.fromkeys(rights, False)
        return found

    def do_getfile(self, args: Arguments) -> Any:
        file_id = args.text("file_id")
        file = self._platform.files.get(file_id)
        if file is None:
            raise Refused("Bad Request: wrong file_id or the file is temporarily unavailable")
        folder = self._platform.local_folder
        if folder is None and file.size > DOWNLOAD_BYTES:
            raise Refused("Bad Request: file is too big")
        path = f"{file.kind}/{file_id}"
        if folder is not None:
            stored = Path(folder) / file_id
            stored.write_bytes(file.content)
            path = str(stored)
        path = self._platform.local_paths.get(file_id, path)
        return {
            "file_id": file_id,
            "file_unique_id": f"u-{file_id}",
            "file_size": file.size,
            "file_path": path,
        }

    def _admitted(self, args: Arguments) -> Room:
        room = self._platform.room(args.text("chat_id"))
        room.admit_bot()
        return room

    def _ours(self, args: Arguments) -> Message:
        message = self._admitted(args).message(args.number("message_id"))
        if message is None:
            raise Refused("Bad Request: message to edit not found")
        if message.sender is not None:
            raise Refused("Bad Request: message can't be edited", breach=True)
        if message.topic is not None and message.topic.deleted:
            raise Refused("Bad Request: message to edit not found")
        if message.topic is not None and message.topic.closed:
            raise Refused("Bad Request: TOPIC_CLOSED")
        return message

    def _new(self, args: Arguments, text: str, entities: list[Any]) -> Message:
        room = self._admitted(args)
        topic = self._platform.topic_for(room, args.number("message_thread_id"))
        buttons = check_markup(args.thing("reply_markup"))
        return Message(
            id=0,
            room=room,
            sender=None,
            text=text,
            entities=entities,
            buttons=buttons,
            reply_to=self._replied(room, args.thing("reply_parameters")),
            topic=topic,
        )

    def _replied(self, room: Room, parameters: Any) -> Message | None:
        if not parameters:
            return None
        found = room.message(int(parameters["message_id"]))
        if found is None and not parameters.get("allow_sending_without_reply"):
            raise Refused("Bad Request: message to be replied not found", breach=True)
        return found

    def _sent(self, message: Message) -> Any:
        message.id = next(message.room.ids)
        message.room.messages[message.id] = message
        self._platform.transcript.said(message)
        return message.json(self._platform.bot)
