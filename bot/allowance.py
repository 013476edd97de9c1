"""What somebody may order: how much, how soon, and how often against others."""

from bot.desk import Turn
from bot.permissions import chat_entry, is_admin
from worker.contract.records import Allowance


def allowance_of(turn: Turn) -> Allowance:
    """The limits that the operator set; administrators have none, but what they order is counted."""
    local, policy = turn.desk.clock().astimezone(), turn.desk.policy
    offset = f"{local:%z}"
    day = Allowance(day=f"{local:%Y-%m-%d}", zone=f"UTC{offset[:3]}:{offset[3:5]}")
    if is_admin(policy, turn.chat, turn.person):
        return day
    return day.model_copy(
        update={
            "batches_per_person": policy.batches_per_person,
            "batches_per_chat": None if turn.chat.private else policy.batches_per_chat,
            "minutes_per_person": policy.minutes_per_person,
            "minutes_per_chat": None if turn.chat.private else policy.minutes_per_chat,
            "queue": policy.queue,
        }
    )


def most_clips(turn: Turn) -> int:
    """Templates that one order may have here."""
    policy = turn.desk.policy
    in_chat = None if turn.chat.private else policy.max_clips_per_chat_batch
    return min(policy.max_clips_per_batch, in_chat or policy.max_clips_per_batch)


def weight_of(turn: Turn) -> float:
    """How often this chat is served against one that is not named in the settings."""
    return turn.desk.policy.chat_weights.get(chat_entry(turn.chat), 1.0)


def may_be_urgent(turn: Turn) -> bool:
    """Whether what this person orders may go before all others."""
    return is_admin(turn.desk.policy, turn.chat, turn.person)
