"""What the official code of both projects does alike, for comparison with it."""


def official_order(frames: int, template_frames: int) -> list[int]:
    """Tell which Template frame each frame is made from: forward, then backward, both ends twice."""
    turn = 2 * template_frames
    return [min(at % turn, turn - 1 - at % turn) for at in range(frames)]
