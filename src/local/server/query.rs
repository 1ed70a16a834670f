//! The query string of a request.

use super::reply::Problem;

#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: Option<&str>) -> Result<Self, Problem> {
        let pairs = text.unwrap_or_default().split('&').map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = unescape(value);
            let value = value.ok_or_else(|| Problem::bad_request("the query string is not percent-encoded UTF-8"))?;
            Ok((name.to_owned(), value))
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.pairs().find(|(given, _)| *given == name).map(|(_, value)| value)
    }

    /// A whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Problem> {
        let parse = |text: &str| {
            text.parse().map_err(|_| Problem::bad_request(format!("{name} must be a whole number, not '{text}'")))
        };
        self.text(name).map(parse).transpose()
    }
}

/// Percent-decoding with `+` for a space.
pub(super) fn unescape(text: &str) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => u8::try_from(16 * digit(rest.next()?)? + digit(rest.next()?)?).ok()?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_values_and_nonsense() {
        let query = Query::parse(Some("a=1&b=x%2Cy&c")).ok();
        let text = |name| query.as_ref().and_then(|query| query.text(name));
        assert_eq!((text("b"), text("c"), text("d")), (Some("x,y"), Some(""), None));
        let number = |name| query.as_ref().and_then(|query| query.number(name).ok());
        assert_eq!((number("a"), number("b"), number("d")), (Some(Some(1)), None, Some(None)));
        assert!(Query::parse(Some("a=%ff")).is_err());
    }
}
