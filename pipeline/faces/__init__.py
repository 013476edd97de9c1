"""Where the face is in each frame: landmarks, smoothing, gaps."""
