//! An output as a file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::Output;
use crate::error::{Error, ErrorKind, Result};

/// The forms that files are made of, the best first, with the extensions of these.
const EXTENSIONS: [(&str, &str); 12] = [
    ("image/png", "png"),
    ("image/jpeg", "jpg"),
    ("image/svg+xml", "svg"),
    ("application/pdf", "pdf"),
    ("text/html", "html"),
    ("text/markdown", "md"),
    ("text/latex", "tex"),
    ("e2b/data", "json"),
    ("e2b/chart", "json"),
    ("application/json", "json"),
    ("application/javascript", "js"),
    ("text/plain", "txt"),
];

impl Output {
    /// Writes the best form that there is to a file, an image before text, and gives the file's path: the given one with
    /// the extension of that form. A file that is there is replaced.
    ///
    /// ```no_run
    /// # fn save(result: &code_interpreter::ExecutionResult) -> Result<(), code_interpreter::Error> {
    /// for (number, output) in result.outputs.iter().enumerate() {
    ///     println!("{}", output.save(format!("plot-{number}"))?.display());   // plot-0.png
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`] when there is no form to write, when it is not what its type says, or when the file cannot be
    /// written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        let path = path.as_ref();
        let best = EXTENSIONS.iter().find(|(mime, _)| self.get(mime).is_some());
        let (mime, extension) = match best {
            Some((mime, extension)) => (*mime, *extension),
            None => (self.data.keys().next().map_or("", String::as_str), "bin"),
        };
        let failed =
            |why: String| Error::new(ErrorKind::File, why).doing(format!("save an output to {}", path.display()));
        let bytes = self.bytes(mime).ok_or_else(|| failed(format!("it has no form to write, only {self}")))?;
        // Not `with_extension`, which would cut a name at its last dot.
        let mut name = path.as_os_str().to_owned();
        if path.extension().is_none_or(|given| given != extension) {
            name.push(".");
            name.push(extension);
        }
        fs::write(&name, bytes).map_err(|cause| failed(cause.to_string()).with_source(cause))?;
        Ok(name.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn output(data: serde_json::Value) -> Output {
        serde_json::from_value(json!({ "data": data })).unwrap()
    }

    #[test]
    fn the_best_form_gets_its_extension() {
        let directory = std::env::temp_dir().join(format!("code-interpreter-save-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let saved = |data, name: &str| output(data).save(directory.join(name)).unwrap();
        let png = saved(json!({ "text/plain": "<Figure>", "image/png": "aGVsbG8=" }), "fig.v2");
        assert_eq!(
            (png.file_name().unwrap().to_str().unwrap(), fs::read(&png).unwrap()),
            ("fig.v2.png", b"hello".to_vec())
        );
        assert!(saved(json!({ "text/plain": "x" }), "a").ends_with("a.txt"));
        assert!(saved(json!({ "image/svg+xml": "<svg/>" }), "b.svg").ends_with("b.svg"));
        assert!(saved(json!({ "application/x-own": { "a": 1 } }), "c").ends_with("c.bin"));
        for bad in [json!({}), json!({ "image/png": "?" })] {
            assert_eq!(output(bad).save(directory.join("d")).unwrap_err().kind(), ErrorKind::File);
        }
        let error = output(json!({ "text/plain": "x" })).save(directory.join("no/such/place")).unwrap_err();
        assert!(error.to_string().contains("no/such/place"), "{error}");
        fs::remove_dir_all(directory).unwrap();
    }
}
