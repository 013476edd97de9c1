"""LatentSync 1.5 and 1.6: latent diffusion over sixteen frames at once that hears Whisper's states, from its official files."""
