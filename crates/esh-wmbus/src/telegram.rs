//! Telegrams, written: the way back, from a payload to a frame.
