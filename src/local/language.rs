//! The languages that code can be in, and what runs them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

const BASH: &str = include_str!("bash/driver.py");
const NODE: &str = include_str!("javascript/launch.py");
const JAVASCRIPT: &str = include_str!("javascript/driver.js");

/// In the order in which their default contexts are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Language {
    Python,
    JavaScript,
    TypeScript,
    Bash,
}

impl Language {
    /// The language of this name, whatever its case; none at all is Python.
    pub(super) fn parse(name: Option<&str>) -> Result<Self, String> {
        match name.unwrap_or_default().trim().to_lowercase().as_str() {
            "" | "python" | "python3" | "py" => Ok(Self::Python),
            "javascript" | "js" | "node" => Ok(Self::JavaScript),
            "typescript" | "ts" => Ok(Self::TypeScript),
            "bash" | "sh" | "shell" => Ok(Self::Bash),
            other => {
                Err(format!("language '{other}' is not supported; there are python, javascript, typescript and bash"))
            }
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
            Self::Bash => "bash",
        }
    }

    /// Its default context stands before all others, whenever it was made.
    pub(super) fn is_listed_first(self) -> bool {
        matches!(self, Self::Python | Self::JavaScript)
    }
}

impl Serialize for Language {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A language, and the program that runs it where the sandbox's own Python does not.
#[derive(Clone, Debug)]
pub(super) struct Runner {
    pub(super) language: Language,
    pub(super) program: Option<PathBuf>,
}

impl Runner {
    pub(super) fn python() -> Self {
        Self { language: Language::Python, program: None }
    }
}

/// For the supervisor: the Python module that turns a fork of it into a kernel of a language, and what that runs.
pub(super) fn sources() -> BTreeMap<&'static str, [&'static str; 2]> {
    [
        (Language::Bash, [BASH, ""]),
        (Language::JavaScript, [NODE, JAVASCRIPT]),
        (Language::TypeScript, [NODE, JAVASCRIPT]),
    ]
    .map(|(language, sources)| (language.name(), sources))
    .into()
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn names_and_aliases() {
        for (names, language) in [
            (["", "python", "Python3 "], "python"),
            (["javascript", "js", " JS"], "javascript"),
            (["typescript", "ts", "TypeScript"], "typescript"),
            (["bash", "sh", "Bash"], "bash"),
        ] {
            for name in names {
                assert_eq!(Language::parse(Some(name)).map(Language::name), Ok(language), "{name}");
            }
        }
        assert_eq!(Language::parse(None), Ok(Language::Python));
        assert!(Language::parse(Some("cobol")).is_err_and(|message| message.contains("'cobol'")));
    }
}
