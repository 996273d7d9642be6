//! Bytes from the operating system's random source, for keys, ids and nonces.
//!
//! ```
//! let id: [u8; 8] = smartpass_platform::random::random_bytes().unwrap();
//! assert_ne!(id, smartpass_platform::random::random_bytes().unwrap());
//! ```

use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// A key of 32 bytes, wiped when it is dropped.
///
/// # Errors
/// The operating system gives no random numbers.
pub fn random_key() -> Result<Zeroizing<[u8; 32]>> {
    Ok(Zeroizing::new(random_bytes()?))
}

/// Bytes for names and nonces.
///
/// # Errors
/// The operating system gives no random numbers.
pub fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::unavailable("the random source", error))?;
    Ok(bytes)
}
