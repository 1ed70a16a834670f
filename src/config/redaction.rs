//! Taking secrets out of texts that others wrote.

/// From this length on, the beginning of a secret is taken out too: a text that was cut may end inside of one.
const TELLING: usize = 12;
const BEGINNING: usize = 8;

/// The text without these secrets.
pub(crate) fn redact(mut text: String, secrets: &[&str]) -> String {
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = take_out(text, secret);
        if secret.len() >= TELLING && secret.is_char_boundary(BEGINNING) {
            text = take_out(text, &secret[..BEGINNING]);
        }
    }
    text
}

/// Takes out the word from where it has the beginning, to its end.
fn take_out(text: String, beginning: &str) -> String {
    if !text.contains(beginning) {
        return text;
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(beginning) {
        kept.push_str(&rest[..at]);
        kept.push_str("[redacted]");
        let after = &rest[at + beginning.len()..];
        rest = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_beginnings_of_them_are_taken_out() {
        let redact = |text: &str| redact(text.to_owned(), &["e2b_0123456789", "short", ""]);
        assert_eq!(redact("key e2b_0123456789."), "key [redacted].");
        assert_eq!(redact("cut: e2b_01234"), "cut: [redacted]");
        assert_eq!(redact("e2b_0 sho short e2b_0123456789 short"), "e2b_0 sho [redacted] [redacted] [redacted]");
        assert_eq!(redact("nothing é"), "nothing é");
    }
}
