"""What is done to a recording before it is heard in a Clip, and what there is to say about it: arrays in, arrays out."""
