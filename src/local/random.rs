//! Names that nobody guesses.

use std::fmt::Write as _;

use crate::error::{Error, Result};

/// Lower-case hexadecimal digits of `N` random bytes.
pub(super) fn random_hex<const N: usize>() -> Result<String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::engine(format!("the operating system gave no random bytes: {error}")))?;
    Ok(bytes.iter().fold(String::with_capacity(2 * N), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// An identifier of 128 random bits.
pub(super) fn random_id() -> Result<String> {
    random_hex::<16>()
}

/// A number of 53 random bits, which is not 0: as large as JavaScript can tell from its neighbours.
pub(super) fn random_number() -> std::io::Result<u64> {
    let number = getrandom::u64().map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok((number >> 11).max(1))
}
