"""The outside worlds: chats, the web door, object stores."""
