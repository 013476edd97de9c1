"""What stands below the chat with the self-built app: commands, as people would type them."""

from typing import Any, Final

from adapters.chats.says import Says

NAME_BYTES: Final = 16
_ORDERS: Final = (("状态", "/status"), ("历史", "/history"), ("下载", "/zip"), ("取消", "/cancel"))
_MORE: Final = (
    ("新建", "/new"),
    ("预设", "/preset"),
    ("设置", "/settings"),
    ("帮助", "/help"),
    ("发到群", "/deliver"),
)


def app_menu(say: Says) -> dict[str, Any]:
    """Three buttons: the Templates, what was ordered, and the rest."""
    return {
        "button": [
            _button("模板", "/templates"),
            {
                "name": say("zh", "wecom-menu-orders"),
                "sub_button": [_button(*one) for one in _ORDERS],
            },
            {"name": say("zh", "wecom-menu-more"), "sub_button": [_button(*one) for one in _MORE]},
        ]
    }


def _button(name: str, key: str) -> dict[str, str]:
    return {"type": "click", "name": name, "key": key}
