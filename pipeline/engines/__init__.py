"""The engines that give a face new mouth movements, behind one port (``port.py``)."""
