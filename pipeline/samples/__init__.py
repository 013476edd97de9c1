"""Sample media made by our own code: presenters drawn from formulas, a voice from a formant synthesiser."""
