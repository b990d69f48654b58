//! What a verb gives back: a JSON document, a text for people, and the cases that failed.

use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;

/// The result of a verb that came to its end.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// For `--json`.
    pub(crate) json: Value,
    /// For people.
    pub(crate) text: String,
    /// Cases that failed, each with the reason; not empty means exit code 1.
    pub(crate) failed: Vec<String>,
    /// The work was asked to stop and can be taken up again; exit code 130.
    pub(crate) interrupted: bool,
}

impl Outcome {
    /// A result without failures.
    pub(crate) fn done(json: Value, text: impl Into<String>) -> Self {
        Self {
            json,
            text: text.into(),
            failed: Vec::new(),
            interrupted: false,
        }
    }

    /// A result in which some cases may have failed.
    pub(crate) fn with_failures(json: Value, text: impl Into<String>, failed: Vec<String>) -> Self {
        Self {
            failed,
            ..Self::done(json, text)
        }
    }

    /// The exit code of the contract: 0 done, 1 some cases failed, 130 interrupted.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.status() {
            "done" => ExitCode::SUCCESS,
            // 128 + SIGINT, as shells report it: what follows in a script must not run.
            "interrupted" => ExitCode::from(130),
            _ => ExitCode::from(1),
        }
    }

    fn status(&self) -> &'static str {
        if self.interrupted {
            "interrupted"
        } else if self.failed.is_empty() {
            "done"
        } else {
            "failed_cases"
        }
    }

    /// The JSON document with the status in it.
    pub(crate) fn document(&self) -> Value {
        let mut document = json!({
            "status": self.status(),
            "failed": self.failed,
        });
        if let (Some(target), Value::Object(fields)) = (document.as_object_mut(), &self.json) {
            target.extend(fields.clone());
        }
        document
    }
}

/// The JSON document of a verb that could not run.
pub(crate) fn error_document(message: &str) -> Value {
    json!({ "status": "error", "error": message })
}

/// Joins an error with its causes; a cause that the text already holds is not said twice.
pub(crate) fn error_text(error: &anyhow::Error) -> String {
    error_chain(error.as_ref())
}

/// [`error_text`] of an error that is not boxed.
pub(crate) fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}

/// A message about a case, which is named once.
pub(crate) fn of_case(case: &str, message: &str) -> String {
    if message.contains(&format!("\"{case}\"")) {
        message.to_owned()
    } else {
        format!("case \"{case}\": {message}")
    }
}

/// Writes one JSON document to stdout. A reader that has gone away is no fault of ours.
pub(crate) fn print_json(document: &Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let written = serde_json::to_writer_pretty(&mut out, document)
        .map_err(std::io::Error::from)
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
    match written {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_joined_once() {
        let inner = anyhow::anyhow!("disk full");
        assert_eq!(
            error_text(&inner.context("cannot write")),
            "cannot write: disk full"
        );
        let said = anyhow::anyhow!("disk full").context("cannot write: disk full");
        assert_eq!(error_text(&said), "cannot write: disk full");
    }

    #[test]
    fn failed_cases_change_status_and_exit_code() {
        let mut outcome = Outcome::done(json!({"n": 3}), "");
        assert_eq!(outcome.document()["status"], "done");
        outcome.failed.push("case_1: no label".into());
        assert_eq!(outcome.document()["status"], "failed_cases");
        assert_eq!(outcome.document()["n"], 3);
    }
}
