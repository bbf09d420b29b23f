//! Layouts of every kind, read.
