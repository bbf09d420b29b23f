//! The owned report: one JSON object for each frame, the same from every command and every sink.
