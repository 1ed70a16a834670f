//! Configuration from environment variables.

use super::Settings;
use crate::error::{Error, ErrorKind, Result};

const URL: &str = "CODE_INTERPRETER_URL";
const KEY: &str = "CODE_INTERPRETER_API_KEY";
const E2B_KEY: &str = "E2B_API_KEY";
const E2B_ADDRESSES: [&str; 3] = ["E2B_DOMAIN", "E2B_API_URL", "E2B_SANDBOX_URL"];

impl Settings {
    /// What the environment says: a gateway if `CODE_INTERPRETER_*` is set, else E2B.
    pub(crate) fn from_env() -> Result<Self> {
        Self::from_env_if_set()?.ok_or_else(nothing_set)
    }

    /// The same, or `None` if none of the variables is set.
    pub(crate) fn from_env_if_set() -> Result<Option<Self>> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        // A variable set to nothing is how shells and CI systems unset one.
        let get = |name: &str| get(name).filter(|value| !value.trim().is_empty());
        match (get(URL), get(KEY)) {
            (Some(url), Some(key)) => {
                return Ok(Some(Self { url: Some(url), api_key: Some(key), ..Self::default() }));
            }
            (Some(_), None) => return Err(half_set(URL, KEY)),
            (None, Some(_)) => return Err(half_set(KEY, URL)),
            (None, None) => {}
        }
        let Some(api_key) = get(E2B_KEY) else {
            return match E2B_ADDRESSES.into_iter().find(|name| get(name).is_some()) {
                Some(set) => Err(half_set(set, E2B_KEY)),
                None => Ok(None),
            };
        };
        let [domain, api_url, sandbox_url] = E2B_ADDRESSES.map(get);
        Ok(Some(Self { api_key: Some(api_key), domain, api_url, sandbox_url, ..Self::default() }))
    }
}

fn half_set(set: &str, missing: &str) -> Error {
    Error::new(ErrorKind::Config, format!("{set} is set and {missing} is not"))
        .hint(format!("set both {URL} and {KEY} for a gateway, or neither and E2B_API_KEY for E2B"))
}

fn nothing_set() -> Error {
    Error::new(ErrorKind::Config, format!("no API key in the environment: neither {KEY} nor E2B_API_KEY is set"))
        .hint(format!("set E2B_API_KEY for E2B, or {URL} and {KEY} for a gateway; the feature `local` needs no key"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Endpoint;

    fn from(variables: &[(&str, &str)]) -> Result<crate::config::Config> {
        Settings::from_variables(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })?
        .ok_or_else(nothing_set)?
        .check()
    }

    #[test]
    fn the_gateway_pair_comes_first() {
        let config = from(&[(URL, "https://gateway.test/v1"), (KEY, "k"), ("E2B_API_KEY", "e2b_0")]).unwrap();
        assert!(matches!(config.endpoint, Endpoint::Gateway(_)));
        assert_eq!(config.api_key.expose(), "k");
    }

    #[test]
    fn a_half_set_pair_names_both() {
        for half in [(URL, "https://gateway.test"), (KEY, "k")] {
            let error = from(&[half, ("E2B_API_KEY", "e2b_0")]).unwrap_err();
            assert!(error.to_string().contains(URL) && error.to_string().contains(KEY), "{error}");
        }
    }

    #[test]
    fn e2b_is_what_is_left() {
        let config = from(&[("E2B_API_KEY", "e2b_0"), ("E2B_DOMAIN", "e2b.test"), (URL, " ")]).unwrap();
        let Endpoint::E2b(hosts) = config.endpoint else { panic!("not E2B") };
        assert_eq!(hosts.api.as_str(), "https://api.e2b.test/");
        let error = from(&[("E2B_API_URL", "https://api.e2b.test")]).unwrap_err();
        assert!(error.to_string().contains("E2B_API_URL is set and E2B_API_KEY is not"), "{error}");
        let error = from(&[]).unwrap_err();
        assert!(error.to_string().contains("E2B_API_KEY") && error.to_string().contains(KEY), "{error}");
    }
}
