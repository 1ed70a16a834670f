//! A value with its representations.

use std::{collections::BTreeMap, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Chart;

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

    /// The LaTeX form.
    #[must_use]
    pub fn latex(&self) -> Option<&str> {
        self.str("text/latex")
    }

    /// A table, such as a pandas `DataFrame`, as an object of its columns, each an array of values. Times are text in
    /// the form of ISO 8601.
    #[must_use]
    pub fn table(&self) -> Option<&Value> {
        self.get("e2b/data")
    }

    /// What a matplotlib figure shows, as data. `None` when there is no chart, or none could be made of the figure.
    ///
    /// ```no_run
    /// # fn show(output: &code_interpreter::Output) {
    /// use code_interpreter::Chart;
    ///
    /// if let Some(Chart::Line(chart)) = output.chart() {
    ///     for series in &chart.elements {
    ///         println!("{}: {} points", series.label, series.points.len());
    ///     }
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn chart(&self) -> Option<Chart> {
        match self.get("e2b/chart")? {
            Value::Null => None,
            Value::Object(fields) if fields.is_empty() => None,
            chart => Some(Chart::of(chart)),
        }
    }

    /// The content of a form: decoded for images and PDF, which come as base64, the text itself for text, and JSON for
    /// the rest. `None` when there is no such form, or when it should be base64 and is not.
    ///
    /// ```no_run
    /// # fn show(output: &code_interpreter::Output) {
    /// if let Some(png) = output.bytes("image/png") {
    ///     println!("an image of {} bytes", png.len());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn bytes(&self, mime: &str) -> Option<Vec<u8>> {
        match self.get(mime)? {
            Value::String(text) if is_binary(mime) => decode(text),
            Value::String(text) => Some(text.clone().into_bytes()),
            other => serde_json::to_vec(other).ok(),
        }
    }

    /// About how many bytes the forms take.
    #[cfg(feature = "_client")]
    pub(crate) fn size(&self) -> usize {
        self.data.values().map(value_size).sum()
    }
}

/// Text if there is any, else what forms there are.
impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text().or(self.markdown()) {
            Some(text) => f.write_str(text),
            None => {
                let forms: Vec<_> = self.data.keys().map(String::as_str).collect();
                write!(f, "<{}>", forms.join(", "))
            }
        }
    }
}

/// Whether a form is sent as base64. SVG is an image and text.
fn is_binary(mime: &str) -> bool {
    let is_media = ["image/", "audio/", "video/"].iter().any(|kind| mime.starts_with(kind));
    (is_media && mime != "image/svg+xml") || mime == "application/pdf"
}

/// Base64 as kernels write it, with line breaks in it.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(text).ok()
}

#[cfg(feature = "_client")]
fn value_size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| value_size(item) + 32).sum(),
        Value::Object(map) => map.iter().map(|(key, item)| key.len() + value_size(item) + 64).sum(),
        _ => 32,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn output(data: Value) -> Output {
        serde_json::from_value(json!({ "is_main": true, "data": data })).unwrap()
    }

    #[test]
    fn images_are_decoded_and_text_is_itself() {
        let output = output(json!({
            "image/png": "aGVs\nbG8=\n", "image/svg+xml": "<svg/>", "image/jpeg": "!", "application/json": [1],
        }));
        assert_eq!(output.bytes("image/png").unwrap(), b"hello");
        assert_eq!(output.bytes("image/svg+xml").unwrap(), b"<svg/>");
        assert_eq!(output.bytes("application/json").unwrap(), b"[1]");
        assert_eq!(output.bytes("image/jpeg"), None);
        assert_eq!(output.bytes("text/plain"), None);
    }

    #[test]
    fn a_chart_is_typed_unless_there_is_none() {
        let chart = |json: Value| output(json!({ "e2b/chart": json })).chart();
        let pie = json!({ "type": "pie", "title": "T", "elements": [] });
        assert!(matches!(chart(pie), Some(Chart::Pie(pie)) if pie.title.as_deref() == Some("T")));
        assert_eq!(chart(json!({ "type": "new" })), Some(Chart::Other(json!({ "type": "new" }))));
        assert_eq!((chart(json!({})), chart(json!(null)), output(json!({})).chart()), (None, None, None));
    }

    #[test]
    fn it_reads_as_its_text_or_as_what_it_has() {
        assert_eq!(output(json!({ "text/plain": "2", "text/html": "<b>2</b>" })).to_string(), "2");
        assert_eq!(output(json!({ "image/png": "", "text/html": "" })).to_string(), "<image/png, text/html>");
    }
}
