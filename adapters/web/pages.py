"""What somebody reads who follows a link that leads nowhere: a sentence in both languages, and what to do."""

import html
from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True)
class Notice:
    """One thing to tell, in English and Chinese; it names no file, since anybody may read it."""

    status: int
    english: tuple[str, str]
    """What is the matter; what to do."""
    chinese: tuple[str, str]


NOT_VALID = Notice(
    403,
    (
        "This link is not valid.",
        "Part of it may have got lost when it was copied. Open it in the chat again, or ask for a new link "
        "with /zip CODE there.",
    ),
    (
        "此链接无效。",
        "复制时可能漏掉了一部分。请在聊天中重新打开，或在聊天中发送“下载 编号”获取新链接。",
    ),
)
EXPIRED = Notice(
    410,
    ("This link has expired.", "Ask for a new link with /zip CODE in the chat."),
    ("此链接已过期。", "请在聊天中发送“下载 编号”获取新链接。"),
)
GONE = Notice(
    410,
    (
        "This file is no longer kept.",
        "Files are removed some days after they were made, or when their order is deleted. Send the recording in "
        "the chat again to have the videos made anew; /history lists what is still there.",
    ),
    (
        "此文件已不再保存。",
        "文件在生成若干天后，或任务被删除时会被清除。请在聊天中重新发送录音以再次生成；发送“历史”可查看仍可下载的内容。",
    ),
)
OUT_OF_REACH = Notice(
    503,
    (
        "The file cannot be reached right now.",
        "Please try again in a few minutes; the link stays the same.",
    ),
    ("暂时无法读取此文件。", "请几分钟后再试，链接不变。"),
)
NOTHING_HERE = Notice(
    404,
    ("There is nothing here.", "Open the link in the chat again."),
    ("这里什么也没有。", "请在聊天中重新打开链接。"),
)

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1b22; --quiet: #5d5b68; --paper: #f6f5f2; --card: #fff; --rule: #e4e2dc }
@media (prefers-color-scheme: dark) {
  :root { --ink: #f1f0ec; --quiet: #aaa8b3; --paper: #17161b; --card: #211f27; --rule: #35333d }
}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; min-height: 100dvh; display: grid; place-items: center; padding: 24px;
  background: var(--paper); color: var(--ink);
  font: 17px/1.55 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif }
main { width: 100%; max-width: 460px; background: var(--card); border: 1px solid var(--rule); border-radius: 16px;
  padding: 32px 28px; overflow-wrap: anywhere }
.name { margin: 0 0 24px; font-size: 13px; letter-spacing: .12em; text-transform: uppercase; color: var(--quiet) }
h1, h2 { margin: 0; font-size: 22px; line-height: 1.3; font-weight: 650 }
section + section { margin-top: 24px; padding-top: 24px; border-top: 1px solid var(--rule) }
section p { margin: 10px 0 0; color: var(--quiet) }
"""

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title} Chorus</title>
<style>{style}</style>
</head>
<body>
<main>
<p class="name">Chorus</p>
{sections}
</main>
</body>
</html>
"""


def answer(request: web.Request, notice: Notice) -> web.Response:
    """Tell it as a page to a browser and as two lines of text to everything else."""
    told = [("en", notice.english), ("zh", notice.chinese)]
    if request.headers.get("Accept-Language", "").lstrip().lower().startswith("zh"):
        told.reverse()
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    if notice is OUT_OF_REACH:
        headers["Retry-After"] = "60"
    if "text/html" not in request.headers.get("Accept", ""):
        text = "".join(f"{what} {todo}\n" for _, (what, todo) in told)
        return web.Response(status=notice.status, text=text, headers=headers)
    headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return web.Response(
        status=notice.status, text=_page(told), content_type="text/html", headers=headers
    )


def _page(told: list[tuple[str, tuple[str, str]]]) -> str:
    sections = "\n".join(
        f'<section lang="{language}"><h{level}>{html.escape(what)}</h{level}><p>{html.escape(todo)}</p></section>'
        for level, (language, (what, todo)) in enumerate(told, 1)
    )
    language, (title, _) = told[0]
    return _PAGE.format(language=language, title=title, style=_STYLE, sections=sections)
