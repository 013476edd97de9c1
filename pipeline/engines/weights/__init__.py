"""Weights on disk: which there are (``catalogue``), which were pulled (``lock``), whether they still are what was pulled (``checking``), and those an engine may load (``finding``).

Nothing here knows the network; ``config.pulling`` brings them. Nothing here reads what is in them either: ``.pth``, ``.pt``
and ``.bin`` files are pickles, which may run code while they are loaded. So an engine loads only paths that ``finding.find``
gave it, which has compared every byte with ``models.lock``, and loads them with ``torch.load(..., weights_only=True)``.
"""
