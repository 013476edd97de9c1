"""MuseTalk 1.5 on stock classes: one pass of a U-Net for each frame, in the latent space of a picture codec. Needs the extra ``neural``."""
