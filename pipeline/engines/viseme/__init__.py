"""The viseme engine: mouth movements by warping and painting, without weights, on the CPU."""
