//! A value with its representations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A value that the code displayed or ended with, in every form in which it was sent.
///
/// The forms are kept by MIME type. Binary ones (images, PDF) are base64 text, as they came.
///
/// ```no_run
/// # fn show(result: &code_interpreter::ExecutionResult) {
/// for output in &result.outputs {
///     match output.html() {
///         Some(html) => println!("{html}"),
///         None => println!("{}", output.text().unwrap_or("(no text form)")),
///     }
/// }
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Output {
    /// Whether this is the value of the code's last expression, not something displayed on the way.
    #[serde(default)]
    pub is_main: bool,
    /// Each form under its MIME type. Tabular data is under `e2b/data`, a chart as data under `e2b/chart`.
    #[serde(default)]
    pub data: BTreeMap<String, Value>,
}

impl Output {
    /// The form with this MIME type.
    #[must_use]
    pub fn get(&self, mime: &str) -> Option<&Value> {
        self.data.get(mime)
    }

    fn str(&self, mime: &str) -> Option<&str> {
        self.get(mime)?.as_str()
    }

    /// The plain text form.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.str("text/plain")
    }

    /// The HTML form.
    #[must_use]
    pub fn html(&self) -> Option<&str> {
        self.str("text/html")
    }

    /// The Markdown form.
    #[must_use]
    pub fn markdown(&self) -> Option<&str> {
        self.str("text/markdown")
    }

    /// The SVG form.
    #[must_use]
    pub fn svg(&self) -> Option<&str> {
        self.str("image/svg+xml")
    }

    /// The PNG form, as base64.
    #[must_use]
    pub fn png(&self) -> Option<&str> {
        self.str("image/png")
    }

    /// The JPEG form, as base64.
    #[must_use]
    pub fn jpeg(&self) -> Option<&str> {
        self.str("image/jpeg")
    }

    /// The value as JSON, for lists and dictionaries.
    #[must_use]
    pub fn json(&self) -> Option<&Value> {
        self.get("application/json")
    }

    /// About how many bytes the forms take.
    #[cfg(feature = "_client")]
    pub(crate) fn size(&self) -> usize {
        self.data.iter().map(|(mime, value)| mime.len() + value_size(value)).sum()
    }
}

#[cfg(feature = "_client")]
fn value_size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| value_size(item) + 1).sum(),
        Value::Object(map) => map.iter().map(|(key, item)| key.len() + value_size(item) + 2).sum(),
        _ => 8,
    }
}
