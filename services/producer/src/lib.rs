//! Takes uploads in, cuts them into chunks, and hands the outputs out.
