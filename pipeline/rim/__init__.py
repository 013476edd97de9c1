"""The media rim: the only place that knows containers and codecs. Its public surface is ``pipeline.media``."""
