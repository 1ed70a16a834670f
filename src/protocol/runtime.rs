//! Runtimes on a service that has only templates and languages.

use std::collections::BTreeMap;

const CODE_INTERPRETER: &str = "code-interpreter-v1";

/// What a runtime is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapped<'a> {
    pub(super) template: &'a str,
    /// The language that code is in, where it is not the template's own.
    pub(super) language: Option<&'static str>,
}

/// `templates` comes first; a name that is no runtime is taken for a template.
pub(super) fn map<'a>(runtime: &'a str, templates: &'a BTreeMap<String, String>) -> Mapped<'a> {
    if let Some(template) = templates.get(runtime) {
        return Mapped { template, language: None };
    }
    let name = runtime.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let language = match name {
        "python" => None,
        "node" | "nodejs" | "javascript" | "js" => Some("javascript"),
        "typescript" | "ts" => Some("typescript"),
        "bash" | "sh" => Some("bash"),
        "r" | "R" => Some("r"),
        "java" => Some("java"),
        _ => return Mapped { template: runtime, language: None },
    };
    Mapped { template: CODE_INTERPRETER, language }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_become_the_code_interpreter_and_a_language() {
        let templates = BTreeMap::from([("python3.12".to_owned(), "mine".to_owned())]);
        let map = |runtime| {
            let Mapped { template, language } = map(runtime, &templates);
            (template.to_owned(), language)
        };
        let interpreter = |language| (CODE_INTERPRETER.to_owned(), language);
        assert_eq!(map("python"), interpreter(None));
        assert_eq!(map("python3.10"), interpreter(None));
        assert_eq!(map("node"), interpreter(Some("javascript")));
        assert_eq!(map("node20"), interpreter(Some("javascript")));
        assert_eq!(map("bash"), interpreter(Some("bash")));
        assert_eq!(map("python3.12"), ("mine".to_owned(), None));
        assert_eq!(map("base"), ("base".to_owned(), None));
        assert_eq!(map("my-template:v2"), ("my-template:v2".to_owned(), None));
    }
}
