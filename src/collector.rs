//! Events become a result, within limits.

use crate::model::{Event, ExecutionResult};

/// How many outputs are kept at most, however small.
const MAX_OUTPUTS: usize = 100_000;

/// Gathers the events of one execution.
#[derive(Debug)]
pub(crate) struct Collector {
    result: ExecutionResult,
    /// How much printed text, and how much of outputs, may still come.
    text_left: usize,
    outputs_left: usize,
}

impl Collector {
    pub(crate) fn new(max_output: usize) -> Self {
        Self { result: ExecutionResult::default(), text_left: max_output, outputs_left: max_output }
    }

    pub(crate) fn take(&mut self, event: Event) {
        let Self { result, text_left, outputs_left } = self;
        match event {
            Event::Started(count) => result.execution_count = Some(count),
            Event::Stdout(chunk) => result.truncated |= push(&mut result.logs.stdout, &chunk.text, text_left),
            Event::Stderr(chunk) => result.truncated |= push(&mut result.logs.stderr, &chunk.text, text_left),
            Event::Output(output) => match outputs_left.checked_sub(output.size()) {
                Some(left) if result.outputs.len() < MAX_OUTPUTS => {
                    *outputs_left = left;
                    result.outputs.push(output);
                }
                _ => result.truncated = true,
            },
            Event::Error(mut error) => {
                for text in [&mut error.name, &mut error.value, &mut error.traceback] {
                    let kept = boundary(text, *outputs_left);
                    result.truncated |= kept < text.len();
                    text.truncate(kept);
                    *outputs_left -= kept;
                }
                result.error = Some(error);
            }
            Event::StateLost => result.state_lost = true,
            Event::End => {}
        }
    }

    pub(crate) fn finish(self) -> ExecutionResult {
        self.result
    }
}

/// Appends what there is room for; says whether something was left out. Once that happened, nothing more is added, so
/// that what is kept has no holes.
fn push(text: &mut String, more: &str, left: &mut usize) -> bool {
    let kept = boundary(more, *left);
    text.push_str(&more[..kept]);
    let cut = kept < more.len();
    *left = if cut { 0 } else { *left - kept };
    cut
}

/// The longest prefix of at most this many bytes that ends between characters.
fn boundary(text: &str, limit: usize) -> usize {
    if limit >= text.len() {
        return text.len();
    }
    (0..=limit).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Chunk, ExecutionError, Output};

    fn stdout(text: &str) -> Event {
        Event::Stdout(Chunk::new(text.into(), None))
    }

    fn collect(max_output: usize, events: impl IntoIterator<Item = Event>) -> ExecutionResult {
        let mut collector = Collector::new(max_output);
        events.into_iter().for_each(|event| collector.take(event));
        collector.finish()
    }

    #[test]
    fn text_is_cut_between_characters_and_stays_without_holes() {
        let result = collect(5, [stdout("abc"), stdout("dé€"), stdout("x")]);
        assert_eq!((result.stdout(), result.truncated), ("abcd", true));
        let result = collect(5, [stdout("abcde")]);
        assert_eq!((result.stdout(), result.truncated), ("abcde", false));
    }

    #[test]
    fn a_flood_of_text_leaves_room_for_the_value() {
        let mut value = Output { is_main: true, ..Output::default() };
        value.data.insert("text/plain".into(), "2".into());
        let result = collect(20, [stdout(&"x".repeat(100)), Event::Output(value)]);
        assert_eq!((result.text(), result.truncated), (Some("2"), true));
    }

    #[test]
    fn the_last_error_counts() {
        let error = |name: &str| Event::Error(ExecutionError { name: name.into(), ..ExecutionError::default() });
        let result = collect(100, [error("First"), error("Second")]);
        assert_eq!(result.error.unwrap().name, "Second");
    }
}
