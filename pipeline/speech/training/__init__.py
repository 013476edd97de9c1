"""How the acoustic model came to be: labelled speech of synthesisers, channels it went through, learning, and a report."""
