# Chorus 的中文。每句话说清：发生了什么、在哪里、怎么办；不责怪人。
# “.advice” 是建议；进度列表里只显示前半句。

## 原因

reason-unreadable = “{ $name }”里没有可以播放的声音或画面。
    .advice = 文件可能不完整或已损坏，请重新发送，或换一段录音。
reason-empty = “{ $name }”是空文件，大小为 0 字节。
    .advice = 请重新发送。
reason-not_a_recording = “{ $name }”不是录音，而是{ $found ->
        [text] 文本文件
        [picture] 图片
        [archive] 压缩包
        [PDF] PDF 文件
        [document] 文档
        [program] 程序
        [playlist] 播放列表
       *[other] 其他内容（{ $found }）
    }。
    .advice = 请发送语音、音频文件或带声音的视频。
reason-no_sound = 视频“{ $name }”没有声音。
    .advice = 请发送一段有人说话的录音。
reason-no_speech = 这段 { NUMBER($seconds, maximumFractionDigits: 1) } 秒的录音里没有听到人声。
    .advice = 请靠近麦克风再录一次。
reason-take_too_short = 这段录音只有 { NUMBER($seconds, maximumFractionDigits: 2) } 秒，至少需要 { NUMBER($limit_s, maximumFractionDigits: 1) } 秒。
    .advice = 请发送长一点的录音。
reason-take_too_long = 这段录音长 { NUMBER($seconds, maximumFractionDigits: 0) } 秒，最长支持 { NUMBER($limit_s, maximumFractionDigits: 0) } 秒。
    .advice = 请分几段发送。
reason-not_a_video = “{ $name }”不是视频，而是{ $found ->
        [sound] 没有画面的录音
        [text] 文本文件
        [picture] 图片
        [archive] 压缩包
        [PDF] PDF 文件
        [document] 文档
        [program] 程序
        [playlist] 播放列表
       *[other] 其他内容（{ $found }）
    }。
    .advice = 模板需要一段有主播出镜的视频。
reason-picture = “{ $name }”是一张图片。
    .advice = 模板需要视频，请添加一段主播会动的视频。
reason-no_face = 第 { NUMBER($second, minimumFractionDigits: 1, maximumFractionDigits: 1) } 秒（第 { NUMBER($frame, useGrouping: 0) } 帧）没有找到人脸。
    .advice = 请使用全程有一张脸正对镜头的视频。
reason-video_too_large = 视频尺寸为 { NUMBER($width_px, useGrouping: 0) }×{ NUMBER($height_px, useGrouping: 0) } 像素，即 { NUMBER($megapixels, maximumFractionDigits: 1) } 百万像素，最多支持 { NUMBER($limit_megapixels, maximumFractionDigits: 1) } 百万像素。
    .advice = 请缩小后再用。
reason-video_too_long = 视频长 { NUMBER($seconds, maximumFractionDigits: 0) } 秒，最长支持 { NUMBER($limit_s, maximumFractionDigits: 0) } 秒。
    .advice = 请剪短一些；短视频会自动循环播放。
reason-unsupported = 第 { NUMBER($second, maximumFractionDigits: 1) } 秒的 { $codec } 格式暂时无法播放。
    .advice = 请转成 MP4（H.264 和 AAC）后重新发送。
reason-not_admitted = 您好！我还没有获准在这个会话中工作。
    .advice = 请让 Chorus 的管理员把这一项加入 CHORUS_ALLOW：{ $who }，或在这里发送 /allow。
reason-too_many_clips = 一共选了 { NUMBER($count, useGrouping: 0) } 个模板，一次最多 { NUMBER($limit, useGrouping: 0) } 个。
    .advice = 请少选几个，其余的下次再做。
reason-person_batches = 您已有 { NUMBER($used, useGrouping: 0) } 个任务在进行，同时最多 { NUMBER($limit, useGrouping: 0) } 个。
    .advice = 这次没有下单，所选模板已保留。等一个任务结束后再开始，或先取消一个：发送“状态”查看，发送“取消”结束。
reason-chat_batches = 这个会话已有 { NUMBER($used, useGrouping: 0) } 个任务在进行，同时最多 { NUMBER($limit, useGrouping: 0) } 个。
    .advice = 这次没有下单，所选模板已保留。等一个任务结束后再开始，发送“状态”可查看进度。
reason-person_minutes = 这次共需制作 { NUMBER($minutes, maximumFractionDigits: 1, useGrouping: 0) } 分钟视频；您今天已下单 { NUMBER($used, maximumFractionDigits: 1, useGrouping: 0) } 分钟，每天最多 { NUMBER($limit, maximumFractionDigits: 1, useGrouping: 0) } 分钟。
    .advice = 这次没有下单，所选模板已保留。请少选几个模板，或明天再开始（{ $zone } 零点起重新计算）。管理员不受此限制。
reason-chat_minutes = 这次共需制作 { NUMBER($minutes, maximumFractionDigits: 1, useGrouping: 0) } 分钟视频；这个会话今天已下单 { NUMBER($used, maximumFractionDigits: 1, useGrouping: 0) } 分钟，每天最多 { NUMBER($limit, maximumFractionDigits: 1, useGrouping: 0) } 分钟。
    .advice = 这次没有下单，所选模板已保留。请少选几个模板，或明天再开始（{ $zone } 零点起重新计算）。管理员不受此限制。
reason-queue_full = 现在排队的人太多，暂时不接受新任务：还有 { NUMBER($used, useGrouping: 0) } 个视频待制作，上限为 { NUMBER($limit, useGrouping: 0) } 个。
    .advice = 这次没有下单，所选模板已保留，请稍后再开始。
reason-file_too_large = 文件大小为 { NUMBER($size_mb, useGrouping: 0) } MB，这里最多能接收 { NUMBER($limit_mb, useGrouping: 0) } MB。
    .advice = 请发送短一点的录音，或另存为 MP3、M4A 后再发。
reason-unknown_template = 没有叫“{ $name }”的模板。
    .advice = 发送“模板”可查看全部。
reason-template_twice = “{ $name }”选了两次，只算一次。
    .advice = 每个模板生成一个视频。
reason-unknown_command = 没有 { $command } 这个命令。
    .advice = 发送“帮助”可查看所有命令。
reason-unknown_batch = 这个会话里没有编号为 { $code } 的任务。
    .advice = 发送“历史”可查看您的任务。
reason-template_gone = 模板“{ $name }”已从模板库中移除。
    .advice = 请另选一个，发送“模板”可查看全部。
reason-take_gone = 录音“{ $name }”已不再保存。
    .advice = 请重新发送。
reason-clip_gone = 视频已经做好，但文件丢失了。
    .advice = 请重新制作。
reason-background_gone = 背景图片“{ $name }”已不再保存。
    .advice = 请重新发送图片，或发送“设置 背景 原样”后再制作。
reason-background_unreadable = 背景图片“{ $name }”无法读取。
    .advice = 请换一张图片（JPEG、PNG 或 WebP），或发送“设置 背景 原样”后再制作。
reason-engine_unavailable = 这里无法使用引擎 { $engine }。
    .advice = 请 Chorus 的管理员处理：{ $advice }
reason-incident = 系统出了点问题（事件编号 { $incident }）。
    .advice = 请再试一次；如果仍然不行，请把编号告诉 Chorus 的管理员。

## 成片检查发现的问题，用在句子中间

flag-length = 视频可能不完整
flag-offset = 声音和画面可能不同步
flag-tracking = 口型可能和语音对不上
flag-outside = 嘴部以外的画面可能有变化
flag-silence = 没人说话时嘴可能没有闭上

## 时间

duration-seconds = { $seconds } 秒
duration-minutes = { $seconds ->
    [0] { $minutes } 分钟
   *[other] { $minutes } 分 { $seconds } 秒
}
duration-hours = { $minutes ->
    [0] { $hours } 小时
   *[other] { $hours } 小时 { $minutes } 分
}
lifetime-minutes = { $minutes } 分钟
lifetime-hours = { $hours } 小时
lifetime-days = { $days } 天

## 初次见面

hint = { $way ->
    [quote] 引用一个说话的录音文件并 @我
    [press] 长按一条语音或音频文件，选“引用”并 @我
    [file] 发一个说话的录音文件（m4a、mp3、wav、amr）给我
   *[voice] 发一段说话的录音给我
}，选好模板，每位主播都会替您说一遍。发送“帮助”可查看更多功能。
help =
    发一段录音，选几个模板，每个模板生成一个口型同步的视频。
    1. { $way ->
        [quote] 引用一个录音文件（或带声音的视频）并 @我；在群里每条消息都要 @我。语音消息在这里没有声音。
        [press] 长按一条语音、音频文件或带声音的视频，选“引用”并 @我；在群里每条消息都要 @我。
        [file] 发送录音文件（m4a、mp3、wav、amr）或带声音的视频；语音消息在这里没有声音。
       *[voice] 发送语音、音频文件或带声音的视频。
    }
    2. 输入模板编号，例如 1 3 或 1-3，也可以发“全部”；-2 表示去掉第 2 个。
    3. 发送“开始”。也可以一步完成：1 3 开始。一次最多 { $limit } 个模板。
    { "" }
    新建 – 重新开始
    模板 – 查看所有主播模板
    预设 – 保存常用的选择
    状态 – 查看进度；“状态 编号”查看某个任务
    取消 – 停止任务，或放弃还没下的单
    历史 – 查看做过的任务
    下载 – 获取新的下载链接
    重试 – 重做失败的视频
    删除 – 删除任务及其视频和录音
    清空 – 删除所有已结束的任务
    设置 – 语言、背景、字幕、声音，以及各项限制
    { "" }
    发来的图片会用作背景，适用于绿幕拍摄的模板。
    也可以用斜杠命令：/new /templates /preset /status /cancel /history /zip /retry /delete /clear /settings /help
more-help = 更多说明：发送“帮助 录音”，或 模板、选项、结果、隐私
help-recording =
    录音
    { $way ->
        [quote] 先把音频文件或带声音的视频（只用声音）发到群里，再引用它并 @我
        [press] 长按语音、音频文件或带声音的视频（只用声音），选“引用”并 @我；也可以单独发给我
        [file] 可以发音频文件，或带声音的视频（只用声音）
       *[voice] 可以发语音、音频文件，或带声音的视频（只用声音）
    }，最长 { $length }，最大 { $size }{ $way ->
        [file] ；在群里请引用这个文件并 @我
       *[other] { "" }
    }。{ $dub ->
        [yes] 在群里也可以用 /dub 回复任何人的录音。
       *[no] { "" }
    }
    请靠近麦克风，在安静的地方说话，任何语言都可以。我会告诉您听到了什么、哪里可以更好。
    再发一段录音会代替前一段，已选的模板不变。
help-templates =
    模板
    每个模板是一位主播，选中的每个模板生成一个视频。发送“模板”可查看全部。
    输入编号（1 3、1-3）、名称或“全部”；-2 表示去掉第 2 个。一次最多 { $limit } 个。
    “预设 保存 名称”保存已选的模板，“预设 名称”再次选用。
help-options =
    选项
    发送“设置”可查看，每项都有按钮：背景、字幕、响度、修剪、降噪、短模板的播放方式、标识。
    也可以直接输入，例如：设置 背景 蓝色。设置按人、按会话保存，开始前会提示与默认不同的项。
    发来的图片会用作背景，适用于绿幕拍摄的模板。
help-result =
    结果
    进度显示在同一条消息里。完成后您会收到一个打包下载链接，以及每个视频的链接，有效期最长 { $lifetime }，以消息所写为准。
    “下载 编号”获取新链接，“重试 编号”重做失败的视频，“取消 编号”停止任务并保留已完成的。“历史”查看全部。
    每个视频都经过检查；如果看起来有问题，对应的那一行会说明。
help-privacy =
    隐私
    录音、视频和任务由 Chorus 的管理员保存在自己的机器或选定的存储中，不会交给其他人。
    链接有效期最长 { $lifetime }，拿到链接的人都能打开。“删除 编号”删除任务及其视频和录音，“清空”删除所有已结束的任务；其余内容保存多久由管理员决定。
    在群里我只保留与我有关的内容：录音、命令、对我的回复。
    每个视频都标明由 AI 生成，画面中和文件里都有标识。
button-help-overview = 概览
button-help-recording = 录音
button-help-templates = 模板
button-help-options = 选项
button-help-result = 结果
button-help-privacy = 隐私
fresh = 已重新开始。请{ $way ->
    [quote] 引用一个录音文件并 @我
    [press] 长按一条语音，选“引用”并 @我
    [file] 发一个录音文件（m4a、mp3、wav、amr）
   *[voice] 发一段录音
}，也可以先看看模板：发送“模板”。
fresh-pick = 已重新开始。请{ $way ->
    [quote] 引用一个录音文件并 @我
    [press] 长按一条语音，选“引用”并 @我
    [file] 发一个录音文件（m4a、mp3、wav、amr）
   *[voice] 发一段录音
}，并选择模板：
did-you-mean = 您是不是想用 { $command }？

## 录音

fetching = 正在接收“{ $name }”（{ $size }），可能要几分钟……
listening = 收到“{ $name }”，正在听……
listening-words = 内容是：“{ $words }”
album-one = 每次只用一段录音，这次用“{ $name }”。其余的请逐段重新发送：{ $names }
media-gone = 没能取到“{ $name }”，聊天平台上已经没有这个文件了。请重新发送。
take-heard = “{ $name }”：共 { $length }，其中说话 { $speech }。
heard-and-started = 听到 { $speech }的说话声，现在开始制作。

## 模板

pick-templates = 请选择模板：
pick-how = 输入编号，例如 1 3 或 1-3，或“全部”；然后发“开始”。也可以一步完成：1 3 开始
pick-go-tap = 已选 { $count } 个模板。点“开始”即可制作，也可以继续选择。
pick-tap = 点选需要的模板，再点“开始”；也可以直接输入：1 3 开始
pick-how-without-recording = 请{ $way ->
    [quote] 引用一个录音文件并 @我
    [press] 长按一条语音，选“引用”并 @我
    [file] 发一个录音文件（m4a、mp3、wav、amr）
   *[voice] 发一段录音
}，再输入编号，例如 1 3 或 1-3，或“全部”。
page-of = 这里是第 { $first }–{ $last } 个，共 { $count } 个；发送“更多”或“返回”翻页。
pick-go = 已选 { $count } 个模板。发送“开始”即可制作，也可以继续输入编号。
library-head = 共 { $count } 个模板：
library-empty = 模板库还是空的。请 Chorus 的管理员添加：chorus templates add
template-preparing = 准备中……
template-screen-green = 绿幕
template-screen-alpha = 透明背景
template-unusable = 无法使用。
picked = 已选 { $count } 个：{ $names }
picked-none = 目前没有选中任何模板。
picked-broken = “{ $name }”做不了：{ $reason }其他模板不受影响。
send-recording = 现在请{ $way ->
    [quote] 引用一个录音文件并 @我
    [press] 现在请长按录音，选“引用”并 @我。
    [file] 发一个录音文件（m4a、mp3、wav、amr）
   *[voice] 发送录音
}。
type-go = 发送“开始”，用“{ $take }”制作。
number-gone = { $number } 号模板已从模板库中移除，其他编号不变。发送“模板”可查看全部。
urgent = 已加急：这个任务会排在所有任务前面。
urgent-admins = 只有管理员可以加急，这个任务按顺序排队。
nothing-picked = 还没有选模板。请输入编号，发送“模板”可查看全部。
nothing-to-start = 还没有可以开始的内容。请{ $way ->
    [quote] 引用一个录音文件并 @我
    [press] 长按一条语音，选“引用”并 @我
    [file] 发一个录音文件（m4a、mp3、wav、amr）
   *[voice] 发一段录音
}，再选择模板，发送“模板”可查看全部。
size-about = 预计约 { $size }。
size-parts = 预计约 { $size }。很多手机和电脑打不开 { $limit } 以上的压缩包，所以会分成约 { $count } 个，每个都能单独打开。发送“设置 打包 不分包”只做一个压缩包，“设置 打包 不打包”只发每个视频的链接。
size-one = 预计约 { $size }，按您的设置放在一个压缩包里。很多手机和电脑打不开 { $limit } 以上的压缩包：发送“设置 打包 分包”可分成几个，“设置 打包 不打包”只发每个视频的链接。
button-zip-parts = 分成几个包
button-zip-one = 一个包
button-zip-none = 只要链接
starts-with-recording = 收到录音后马上开始。
starts-when-heard = 听完录音后马上开始。
button-start = 开始
button-empty = 重选
button-all = 全选
button-last = 和上次一样
button-before = ‹ { $first }–{ $last }
button-after = { $first }–{ $last } ›
button-files = 发送文件
button-zip-file = 发送压缩包
files-typed = 要直接收到压缩包，请发送“下载 { $code } 文件”。
files-none = { $code } 没有能以文件发送的内容：这里的文件最大 { $limit }。发送“下载 { $code }”可获取链接。
files-sent = { $code } 的文件已经发在这个会话里，请往上翻看。发送“下载 { $code }”可获取链接。
files-coming = { $code } 的文件正在发送，请稍等。
files-refused = 我在这里没有发送文件的权限。请让群管理员允许，然后再点一次按钮。原来的链接仍然有效，发送“下载 { $code }”可获取新链接。
files-left = 以下内容没有以文件发送：{ $names }。这里的文件最大 { $limit }；发送“下载 { $code }”可获取仍保留内容的链接。
button-cancel = 取消
offer-closed = 已用“{ $take }”下单。
given-up = 没有下单，已选的模板也清空了。随时可以发一段新的录音。
give-up-outdated = 这个按钮对应的是之前的录音。要放弃用“{ $take }”的这一单，请发送“取消”。
offer-outdated = 这个按钮对应的是之前的录音。发送“开始”就用“{ $take }”制作；要用之前的录音，请重新发一次。
offer-replaced = 已改用新的录音“{ $take }”。

preset-head = 您保存的预设：
preset-line = ★ { $name }：{ $names }
preset-none = 您还没有保存预设。
preset-how = “预设 保存 名称”保存已选的模板，“预设 名称”再次选用，“预设 删除 名称”删除。
preset-nothing = 还没有选模板，也没有做过任务。请先选模板，发送“模板”可查看全部。
preset-saved = 已保存预设“{ $name }”：{ $names }。发送“预设 { $name }”即可再次选用。
preset-removed = 预设“{ $name }”已删除。
preset-unknown = 没有叫“{ $name }”的预设。
preset-full = 最多保存 { $limit } 个。请先用“预设 删除 名称”删除一些。

## 进度

accepted = 任务 { $code }：用“{ $take }”制作 { $count } 个视频，完成后通知您{ $count ->
    [1] 。
   *[other] ；中途发送“下载 { $code }”可先取已完成的。
}状态 { $code } · 取消 { $code }
progress-head = { $code } · “{ $take }” · { $count } 个视频
progress-size-parts = 约 { $size }，分成 { $count } 个压缩包
progress-size = 约 { $size }
progress-urgent = 加急
progress-foot = 状态 { $code } · 取消 { $code }
stage-queued = 等待中
stage-ahead = 前面还有 { $count } 个视频
stage-ahead-left = 前面还有 { $count } 个视频，大约还要 { $left }
stage-preparing = 准备中
stage-rendering = 制作中
stage-left = 大约还要 { $left }
stage-packing = 正在打包
stage-packing-share = 正在打包，{ $percent }%
stage-packing-left = 正在打包，{ $percent }%，大约还要 { $left }
stage-archives-ahead = 前面还有 { $count } 个压缩包
stage-cancelling = 正在停止……
stage-done = 已完成
stage-partial = 已结束，部分失败
stage-failed = 已结束，全部失败
stage-cancelled = 已取消
clip-waiting = 等待中
clip-preparing = 准备中
clip-starting = 即将开始
clip-rendering = 制作中 { $percent }%
clip-storing = 上传中
clip-done = 完成
clip-flagged = 完成，但{ $remark }
clip-failed = 失败
clip-cancelled = 已取消
clip-linked = { $line }： { $url }
clips-rest = …… 已完成 { $done } 个，等待 { $waiting } 个
clips-rest-linked = …… 已完成 { $done } 个（下载 { $code }），等待 { $waiting } 个
clips-unlinked = …… 发送“下载 { $code }”可获取全部已完成视频的链接

## 结果

outcome-ready = { $code } 完成了：用“{ $take }”制作的{ $count ->
    [1] 视频好了
   *[other] { " " }{ $count } 个视频都好了
}。
outcome-partial = { $code }：用“{ $take }”制作的 { $count } 个视频中，完成了 { $done } 个。
outcome-failed = { $code }：用“{ $take }”没能做出视频。
outcome-cancelled = { $code }（“{ $take }”）已取消。
outcome-cancelled-some = { $code } 已取消；用“{ $take }”制作的 { $count } 个视频中，已有 { $done } 个完成。
outcome-failure = ✗ { $number }. { $name }：{ $reason }
delayed = { $code } 需要更长时间：系统有一部分中断了一会儿，现在会自动继续，无需重新发送。
outcome-plain = 因此 { $code } 的结果没能照常显示：{ $count } 个视频中完成了 { $done } 个。
outcome-retry = 发送“重试 { $code }”可重做失败的视频。
link-archive = 打包下载（{ $size }）： { $url }
link-clip = ✓ { $number }. { $name }（{ $length }）： { $url }
link-flagged = ⚠ { $number }. { $name }（{ $length }）：{ $remark }，转发前请先看一下： { $url }
link-part = 打包下载，第 { $part } 个，共 { $count } 个（{ $size }）： { $url }
link-archive-gone = ✗ 打包下载：压缩包已不存在。
link-part-gone = ✗ 打包下载，第 { $part } 个，共 { $count } 个：压缩包已不存在。
links-parts = 每个压缩包都能单独打开，不需要合并。
button-part = 打包 { $part }/{ $count } · { $size }
button-archive = 打包 · { $size }
links-last = 链接 { $lifetime }内有效；发送“下载 { $code }”可获取新链接。

## 压缩包里的 report.txt，给没有参与会话的人看

report-head = 任务 { $code }
report-take = 录音：“{ $name }”（{ $length }）
report-ordered = 下单时间：{ $when }
report-result = 共 { $count } 个视频，完成 { $done } 个
report-kept = 可下载时间：{ $days } 天，到 { $day } 为止。之后只有您自己保存的文件。
report-made-by-ai = 这些视频由 AI 生成：主播本人没有说过这些话。
report-label = 每个视频都有标识，画面中和文件里都标明。
report-no-label = 应下单人要求，只有文件里有标识；在任何地方发布这些视频时，您都有义务标明由 AI 生成。
report-file = { $file } · { $length } · { $size } · 引擎 { $engine }
report-archive = 在 { $archive } 里
report-checked = 检查：没有发现问题。
report-flagged = 检查：{ $found }。转发前请先看一下。
report-unchecked = 没能检查，转发前请先看一下。
report-background-kept = 背景保持模板原样，因为没有找到绿幕或透明背景。
report-failed = 没有做出来。{ $reason }
report-cancelled = 没有制作：任务在此之前已取消。
report-manifest = manifest.json 是给程序看的同样内容，另有校验值和测量数据。

## 任务

no-such-batch = 这个会话里没有这样的任务。发送“历史”可查看全部。
status-idle = 现在没有进行中的任务。发送“历史”可查看已结束的任务。
status-more = …… 另外还有 { $count } 个任务在进行，发送“历史”可查看。
status-draft = 尚未开始：{ $take }，已选 { $count } 个模板。
status-no-workers = 目前没有工作进程在运行，任务暂时不会推进。任务已保存，恢复后会自动继续。
draft-no-recording = 还没有录音
cancelled = { $code } 已取消。
cancel-some = 正在停止 { $code }。已完成的 { $done } 个视频会发给您。
cancel-too-late = { $code } 已无法取消，状态：{ $state }。
retrying = { $code }：重新制作 { $count } 个视频。
retry-running = { $code } 还在进行中，结束后才能重做失败的视频。
retry-waiver-of = { $code } 下单时选择了不显示画面标识。只有承担标识义务的{ $name }可以重做，您也可以重新下单。
retry-waiver-ended = { $code } 下单时选择了不显示画面标识，而您自行标明的承诺已到期。请先发送“设置 标识 关”重新确认，再发送“重试 { $code }”。
retry-none = 这里没有失败的视频需要重做。发送“历史”可查看全部。
retry-later = 这次没有重做，已完成的视频不受影响。请稍后再发送“重试 { $code }”。
retry-nothing = { $code } 没有需要重做的视频。
zip-not-yet = { $code } 还没有完成，发送“状态 { $code }”可查看进度。
zip-so-far = { $code } 还没有全部完成，{ $count } 个视频中已完成 { $done } 个：
zip-nothing = { $code } 没有可以下载的视频。
zip-expired = { $code } 的视频已不再保存，请重新制作。
zip-head = { $code }：用“{ $take }”制作的 { $done } 个视频。
history-head = 最近的任务：
history-line = { $code } · { $when } · “{ $take }” · { $done }/{ $count } · { $state }
history-more = 发送“历史 { $page }”可查看更早的任务。
history-empty = 这个会话里还没有任务。发一段录音就可以开始。
history-end = 没有更早的任务了。
button-older = 更早 ›
state-queued = 等待中
state-preparing = 准备中
state-rendering = 制作中
state-packing = 打包中
state-ready = 已完成
state-delivered = 已交付
state-partial = 部分交付
state-failed = 失败
state-cancelled = 已取消
state-expired = 已不再保存
state-expired-on = 已于 { $when } 过期
status-archives = { $count } 个压缩包（{ $sizes }），发送“下载 { $code }”可获取链接
status-expired = { $code } · “{ $take }”：已于 { $when } 过期，视频已不再保存。请重新发送录音以再次生成。

## 删除

delete-running = { $code } 还在进行中，请先发送“取消 { $code }”。
delete-sure = { $count ->
    [0] 要删除 { $code } 吗？
   *[other] 要永久删除 { $code } 和它的 { $count } 个视频吗？
}相关链接会立即失效；如果没有其他任务使用，录音也会一并删除。请回复“是”或“否”。
clear-sure = 要永久删除这个会话里已结束的 { $count } 个任务及其视频吗？相关链接会立即失效；没有其他任务使用的录音也会一并删除。请回复“是”或“否”。
clear-nothing = 没有可以删除的内容：这个会话里没有已结束的任务。
delete-not-now = 现在暂时不能删除：任务记录正在恢复，请过一分钟再试。
deleted = { $code } 已删除。
deleted-already = 之前已经删除了。
cleared = 已删除 { $count } 个任务。
recordings-gone = { $count ->
    [1] 录音也已删除。
   *[other] { $count } 段录音也已删除。
}
recordings-ordered = { $count ->
    [1] 录音还有其他任务在用，暂时保留；最后一个这样的任务删除时会一并删除。
   *[other] 有 { $count } 段录音还有其他任务在用，暂时保留；各自的最后一个任务删除时会一并删除。
}
recordings-drafted = { $count ->
    [1] 有人正准备用这段录音下单，暂时保留；以后删除那个任务，录音就会一并删除。
   *[other] 有人正准备用其中 { $count } 段录音下单，暂时保留；以后删除那些任务，录音就会一并删除。
}
recordings-heard = { $count ->
    [1] 这段录音正在识别，暂时保留；下次用它下的任务删除时会一并删除，保存期满也会删除。
   *[other] 其中 { $count } 段录音正在识别，暂时保留；下次用它们下的任务删除时会一并删除，保存期满也会删除。
}
recordings-unsure = { $count ->
    [1] 录音可能还有其他任务在用，暂时保留；最后一个这样的任务删除时会一并删除，保存期满也会删除。
   *[other] 有 { $count } 段录音可能还有其他任务在用，暂时保留；各自的最后一个任务删除时会一并删除，保存期满也会删除。
}
kept = 没有删除任何内容。
question-gone = 这个问题已经过期，没有做任何改动。
button-yes = 是
button-no = 否

## 设置

settings-head = 设置
settings-language = 语言：中文。发送“设置 en”可切换为 English
settings-options =
    { "" }
    以后制作的视频：
settings-option = { $option }：{ $meaning }
settings-others = （可改为：{ $values }）
settings-how =
    例如发送“设置 背景 蓝色”即可更改；发送“设置 默认”全部恢复默认。
    { "" }
button-set = { $option }：{ $value }
settings-take = 录音最长：{ $limit }
settings-file = 文件最大：{ $limit }
settings-clips = 一次最多 { $limit } 个模板
settings-batches = 同时最多 { $limit } 个任务
settings-minutes = 每天最多制作 { $limit } 分钟视频
settings-links = 链接有效期：最长 { $lifetime }
settings-engine = 引擎：{ $engine }
settings-engine-only = 引擎：{ $engine }（这里只有这一个）
with-engine = 引擎 { $engine }
settings-engine-set = 好的，以后您的视频用引擎 { $engine } 制作。
button-engine = 引擎：{ $engine }
button-language = English
language-name = 中文
field-language = 语言
field-engine = 引擎
field-more = 还要改别的吗
field-stay = 不用了
settings-more = 更多设置
settings-same = 设置没有变化。
settings-language-set = 好的，以后我用中文和您交流。
settings-set = 好的。{ $option }：{ $meaning }。
settings-set-several = 好的，改好了：
settings-reset = 好的，背景、字幕、声音和标识都已恢复默认。
settings-unknown = 无法设置“{ $typed }”。发送“设置”可查看能改的内容。
settings-value-unknown = 这里不能用“{ $typed }”。

## 任务选项：每个值的含义，以及开始前的提示

value-background-none = 保持模板原样
value-background-blur = 虚化，取自主播画面的颜色
value-background-picture = 您的图片“{ $name }”
value-background-colour = { $colour }
value-captions-files = 字幕文件（SRT、VTT）放在压缩包里
value-captions-burned = 写进画面，压缩包里也有字幕文件
value-captions-off = 不要字幕
value-playing-bounce = 模板比录音短时，正放倒放来回接
value-playing-loop = 模板比录音短时，从头循环
value-playing-hold = 模板比录音短时，停在结尾
value-trim-off = 保留开头和结尾的静音
value-trim-on = 剪掉开头和结尾的静音
value-denoise-off = 保留原有的环境声
value-denoise-on = 减弱持续的噪声
value-loudness-on = 调整到常用响度 −16 LUFS
value-loudness-off = 保持录音的原有响度
value-zip-parts = 放在一个压缩包里，超过 { $limit } 时分成几个，每个都能单独打开
value-zip-one = 不论多大都放在一个压缩包里
value-zip-none = 不打包，只发每个视频的链接；字幕文件只在压缩包里提供
value-cloud-on = 链接直达云存储，速度最快
value-cloud-off = 链接只经过 Chorus，不指向云存储
value-label-on = 画面中标明由 AI 生成
value-label-off = 画面中不显示标识，由您自行标明
with-background-blur = 背景虚化
with-background-picture = 背景图片“{ $name }”
with-background-colour = 背景{ $colour }
with-captions-burned = 字幕写进画面
with-captions-off = 不要字幕
with-captions-none = 没有字幕（没能识别出文字）
with-playing-loop = 短模板从头循环
with-playing-hold = 短模板停在结尾
with-trim-on = 剪掉首尾静音
with-denoise-on = 降噪
with-loudness-off = 保持原有响度
with-zip-one = 放在一个压缩包里
with-zip-none = 不打包，只发链接
with-cloud-off = 链接只经过 Chorus
with-label-off = 画面中不显示 AI 标识
offer-with = 本次设置：{ $wishes }
cloud-none = 这里的链接都经过 Chorus 本身：没有使用云存储，所以没有可选的。
cloud-off = 这里的链接都经过 Chorus 本身，不指向云存储：这是 Chorus 的管理员为所有人设定的（CHORUS_CLOUD_DELIVERY）。
cloud-only = 这里的链接只能指向云存储。Chorus 的管理员设置自己的网址（CHORUS_PUBLIC_URL）后就可以更改。
background-colours = 颜色，如 蓝色 或 #00aaff
background-reach = 对 { $names } 有效；其他模板不是绿幕拍摄，背景不变。
background-reach-all = 对模板库中的所有模板都有效。
background-reach-none = 不过目前没有绿幕或透明背景的模板，暂时不会有变化。
background-undo = 发送“设置 背景 原样”可恢复。
background-send-picture = 请先把图片发给我（JPEG、PNG 或 WebP），发来后就会用作背景。
background-kept = 以下视频的背景没有更换：{ $names }。它们的模板不是绿幕或透明背景。
picture-taken = 以后用“{ $name }”作背景。
picture-unusable = “{ $name }”不能用作背景，请发送 JPEG、PNG 或 WebP 图片。
picture-too-large = “{ $name }”有 { $size }，背景图片最大 { $limit }，请压缩后再发。
captions-no-recording = 请先发一段录音；听完后我才知道能不能识别出文字、配上字幕。
captions-listening = 我还在听这段录音，听完回复您之后再设置字幕。
captions-no-words = 没能从这段录音里识别出文字，所以无法配字幕。识别文字需要语音识别模型，请 Chorus 的管理员安装，运行“chorus check”可查看方法。
archive-captions = 字幕文件（SRT、VTT）在压缩包里。

## 画面中的标识

waiver-question =
    不显示画面标识时，您在发布这些视频的任何地方都有义务标明它们由 AI 生成：这是法规要求（自 2025 年 9 月 1 日起施行，GB 45438-2025）。文件内的隐式标识始终保留。
    您的姓名、这个会话、时间和这段文字会被记录，以这种方式制作的每个任务也会被记录；记录保存六个月。六个月后我会再次询问。
    您愿意承担这项义务吗？请回复“是”或“否”。
waiver-accepted = 已记录。到 { $until } 为止，您在这个会话里制作的视频不显示画面标识；文件内的标识保留。发送“设置 标识 开”可恢复显示。
waiver-declined = 没有做任何记录，画面标识保留。
waiver-not-allowed = 只有 Chorus 的管理员指定的人员才能去掉画面标识。您需要加入 CHORUS_LABEL_WAIVER 的条目是：{ $who }
waiver-ended = 您自行标明的承诺已到期，画面标识已恢复显示。发送“设置 标识 关”可重新确认。

## 不够理想的录音和模板

take-clipped = ⚠ 录音中声音大的地方有破音，下次请离麦克风稍远一点。
take-noisy = ⚠ 录音里噪声较大，换个安静的地方会更好，也可以发送“设置 降噪 开”。
take-broken_off = ⚠ 文件在 { NUMBER($seconds, maximumFractionDigits: 1) } 秒处中断（应有 { NUMBER($declared_s, maximumFractionDigits: 1) } 秒），我先用现有的部分；需要全部内容请重新发送。
template-clipped = ⚠ 它的声音有破音，不过只用到画面。
template-noisy = ⚠ 它的声音噪声较大，不过只用到画面。
template-broken_off = ⚠ 文件在 { NUMBER($seconds, maximumFractionDigits: 1) } 秒处中断（应有 { NUMBER($declared_s, maximumFractionDigits: 1) } 秒），使用现有的部分。

## 终端本身的提示

terminal-welcome = 您正在与 Chorus 对话。输入录音的路径，或把文件拖到这里；发送“帮助”查看命令，/quit 退出。
terminal-no-file = 这台机器上没有文件“{ $name }”。请检查路径；路径带空格时请加引号。
terminal-lost = 机器人暂时离线。您写的内容已保存，恢复后会自动发送。
terminal-back = 机器人已恢复。
terminal-waits = 还有内容正在制作，请稍候。按 Ctrl-C 可离开，下次在这里运行 Chorus 时会继续。
terminal-goes-on = 还有内容正在制作，下次在这里运行 Chorus 时会继续，完成后通知您。

## Telegram：菜单与按钮

menu-new = 重新开始
menu-templates = 查看所有主播模板
menu-preset = 保存常用的选择
menu-status = 查看进度
menu-cancel = 停止任务
menu-history = 查看做过的任务
menu-zip = 获取新的下载链接
menu-retry = 重做失败的视频
menu-delete = 删除任务及其视频和录音
menu-clear = 删除所有已结束的任务
menu-settings = 语言、背景、字幕、声音
menu-help = 使用说明
menu-template = 添加主播：发送视频并附上 /template add 名称
menu-allow = 允许会话或用户使用
menu-stats = 查看任务量
menu-dub = 回复一段录音，用它生成视频
button-old = 这个按钮已失效。请发一段录音，或发送“模板”。
button-not-yours = 这些按钮是给{ $name }用的。您可以发自己的录音，或用 /dub 回复一段录音。
button-unverified = 这些按钮是给{ $name }用的，我看不出是谁按的。也可以直接打字选择，例如：1 3 开始
dub-how = 用 /dub 回复一段录音，我就用它生成视频；也可以直接把录音发给我。

## 企业微信：卡片、菜单与语音

wecom-confirm = 确定
wecom-choose = 请选择
wecom-more = 翻到
wecom-pressed = 已提交
wecom-menu-orders = 任务
wecom-menu-more = 更多
wecom-stream-later = 进度到此为止，完成后会在这里通知您。
wecom-not-yours = 这张卡片是给 { $name } 用的。您可以引用自己的录音文件并 @我。
wecom-not-your-settings = 这张卡片是给 { $name } 用的。您可以 @我 发送“设置”，修改自己的设置。
wecom-welcome = 您好！发一段录音，选好主播，我来做口型同步的视频。
wecom-voice-unheard = 收到您的语音，但企业微信只把转写的文字给了我，没有声音，做不了视频。请这样发：
wecom-how-title = 两步把录音发给我
wecom-how-steps =
    1. 把录音存成文件（m4a、mp3、wav、amr）。
    2. 把文件发给我；在群里请引用这个文件并 @我。
wecom-how-app = 去应用里录音
wecom-how-more = 更多说明
wecom-app-here = 我在这里！请按住“按住说话”直接录音，松开后我就开始听。
wecom-app-wrote = 我的应用刚给您发了消息：在消息列表最上面打开它，按住说话就可以录音。
wecom-app-not-yours = 您还看不到我的应用。请 Chorus 的管理员把您加入应用的可见范围，或者把录音存成文件发给我。
deliver-which = 完成后，结果还要发到哪个群？
deliver-only-me = 只发给我
wecom-deliver-none = 还没有可以发送的群。请先在群里 @我的智能机器人说句话，或请 Chorus 的管理员配置群机器人。
wecom-deliver-make = 也可以新建一个群：发送“建群 群名 同事账号”，多位同事用空格隔开，例如：建群 新品视频 zhangsan lisi
wecom-deliver-no-app = 这里不能新建群，需要 Chorus 的管理员配置自建应用。
wecom-deliver-alone = 一个群至少要有两个人，请再加上同事的账号，例如：建群 新品视频 zhangsan
wecom-deliver-hello = 大家好！{ $person } 用 Chorus 制作的视频完成后，会发到这个群。
wecom-deliver-made = 已新建群“{ $group }”，以后的结果也会发到那里。发送“发到群”可更改。
wecom-deliver-not-made = 没能建群。请检查同事账号（{ $people }）；如果账号没错，请 Chorus 的管理员把应用的可见范围设为整个企业。
deliver-from = 来自 { $person }
deliver-last = 链接 { $lifetime }内有效。
wecom-deliver-group = 群 { $when }
deliver-on = 好的，以后的结果也会发到“{ $group }”。发送“发到群”可更改。
deliver-off = 好的，结果只发给您。
deliver-failed = 结果没能发到您选的群。发送“发到群”可另选一个。

## 钉钉

dingtalk-also = 还可以：
dingtalk-pressed = 收到，马上处理……
dingtalk-later = 暂时没能处理，请稍后再点一次。
dingtalk-not-yours = 这张卡片是给{ $name }用的。请引用您自己的录音并 @我。
dingtalk-unheard = 这种消息我打不开。请发一段语音、音频文件或带声音的视频；如果就是录音，请更新钉钉后重发，或另存为文件再发给我。
dingtalk-unquoted = 没能取到您引用的内容，可能是钉钉版本较旧，或者文件存放在群文件里。请更新钉钉后，长按语音，选“引用”并 @我；也可以把录音单独发给我。
dingtalk-permission = 我还不能读取这里的文件。请 Chorus 的管理员在钉钉开发者后台为应用申请权限 { $scopes } 并发布新版本，然后重新发送录音。
dingtalk-group = 群聊
dingtalk-deliver-none = 还没有可以发送的群。请先在群里 @我说句话，或请 Chorus 的管理员配置群机器人。
dingtalk-deliver-how = 发送“发到群 编号”来选择，例如：发到群 1

## 管理员

admins-only = 只有 Chorus 管理员指定的人才能这样做。需要加入 CHORUS_ADMINS 的条目是：{ $who }
template-how = 请发送视频，并在说明里写“/template add 名称”；也可以用它回复一个视频。一次发来多个时会自动加上序号。
template-how-next = 请先发送“/template add 名称”，再把视频发给我；群里请引用视频并 @我 /template add 名称。
template-send-now = 好的，请在 10 分钟内把{ $name ->
        [none] 主播的视频
       *[other] “{ $name }”的视频
    }发给我。
template-too-large = 这个视频{ $size ->
        [unknown] 太大了
       *[other] 有 { $size }
    }，这里最多能接收 { $limit }。Chorus 的管理员可以直接在服务器上添加（chorus templates add 文件）{ $server ->
        [none] 。
       *[other] ，或自建 Bot API 服务器（{ $server }），上限为 2 GB。
    }
template-too-large-one = “{ $name }”{ $size ->
        [unknown] 太大了
       *[other] 有 { $size }
    }，这里最多能接收 { $limit }。可以直接在服务器上添加（chorus templates add 文件）{ $server ->
        [none] 。
       *[other] ，或自建 Bot API 服务器（{ $server }）。
    }
template-name-means = 模板不能叫“{ $name }”，这个词在输入时有别的意思。请换一个名称。
template-added = { $count ->
    [1] 正在准备“{ $names }”。发送“模板”可查看是否就绪。
   *[other] 正在准备 { $count } 个模板：{ $names }。发送“模板”可查看是否就绪。
}
allow-done = { $who } 现在可以使用 Chorus 了。发送“/allow { $who } off”可取消。
allow-ended = { $who } 不能再使用 Chorus。
allow-by-settings = { $who } 仍可使用：它写在 CHORUS_ALLOW 或 CHORUS_ADMINS 里，只能由 Chorus 的管理员在设置中移除。
allow-how = 请在需要开通的会话里发送 /allow，或发送 /allow 加上条目，例如 { $example }；后面加 off 可取消。
stats-orders = 当前有 { $orders } 个任务，还需制作 { $left } 个视频，其中 { $running } 个正在制作。
stats-templates = 就绪的模板 { $ready } 个，准备中或不可用的 { $others } 个。
stats-workers = 工作进程 { $workers } 个。
stats-today = 今天：{ $orders } 个任务，完成视频 { $done } 个，失败 { $failed } 个。
stats-week = 最近 7 天：{ $orders } 个任务，完成视频 { $done } 个，失败 { $failed } 个。
stats-medians = 其中一半的视频等待不到 { $waited }，制作不到 { $rendered }。
stats-failures = 最近 7 天的出错原因：{ $codes }。
