"""From sound to mouth parameters: what the mouth should do, 100 times a second."""
