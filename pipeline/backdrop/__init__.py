"""What stands behind the presenter: a screen is recognised, keyed out frame by frame, and something else put there."""
