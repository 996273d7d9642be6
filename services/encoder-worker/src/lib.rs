//! Turns chunks of rows into chunks of links.
