//! The secrets of one sandbox, as E2B hands them out: the same for as long as it lives.

use subtle::ConstantTimeEq;

use super::random::random_hex;
use crate::error::Result;

/// Which tokens a sandbox is to have.
#[derive(Clone, Copy, Default)]
pub(super) struct Secured {
    /// What is inside asks for a token.
    pub(super) access: bool,
    /// Whoever comes from outside needs a token.
    pub(super) traffic: bool,
}

pub(super) struct Tokens {
    pub(super) access: Option<String>,
    pub(super) traffic: Option<String>,
}

impl Tokens {
    pub(super) fn new(secured: Secured) -> Result<Self> {
        let token = |is_wanted: bool| is_wanted.then(random_hex::<32>).transpose();
        Ok(Self { access: token(secured.access)?, traffic: token(secured.traffic)? })
    }
}

/// Compares in constant time.
pub(super) fn is_same(given: &[u8], token: &str) -> bool {
    given.ct_eq(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_made_when_wanted_and_differ() {
        let none = Tokens::new(Secured::default()).unwrap();
        assert!(none.access.is_none() && none.traffic.is_none());
        let both = Tokens::new(Secured { access: true, traffic: true }).unwrap();
        let (access, traffic) = (both.access.unwrap(), both.traffic.unwrap());
        assert!(access.len() == 64 && access != traffic);
        assert!(is_same(access.as_bytes(), &access) && !is_same(traffic.as_bytes(), &access) && !is_same(b"", &access));
    }
}
