//! Frames for the benches, written by our own encoder.
