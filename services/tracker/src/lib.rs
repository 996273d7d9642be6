//! Carries every job from its first chunk to its end.
