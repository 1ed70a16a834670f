//! Ids, as they stand in paths and host names.

use crate::error::{Error, ErrorKind, Result};

/// Refuses an id that would change the meaning of the URL it goes into.
pub(super) fn check_id(what: &str, id: &str) -> Result<()> {
    if is_id(id) {
        return Ok(());
    }
    let shown: String = id.chars().take(80).collect();
    Err(Error::new(ErrorKind::InvalidInput, format!("{shown:?} is not the id of a {what}"))
        .hint("ids are made of letters, digits, dashes and underscores"))
}

pub(super) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 256 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_leave_their_place_in_a_url() {
        for good in ["i1234", "a-b_C9", &"x".repeat(256)] {
            assert!(check_id("sandbox", good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a.b", "a\nb", "a b", "a%2fb", "a?b", "a#b", "é", &"x".repeat(257)] {
            assert_eq!(check_id("sandbox", bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad:?}");
        }
    }
}
