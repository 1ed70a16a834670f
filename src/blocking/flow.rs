//! A source as an `Iterator`.

use super::client::Source;
use crate::error::Result;

/// Hands out what a source gives, and stops after an error.
pub(crate) struct Flow<S: Source> {
    source: Option<S>,
}

impl<S: Source> Flow<S> {
    pub(crate) fn new(source: S) -> Self {
        Self { source: Some(source) }
    }

    /// The source, unless it has ended.
    pub(crate) fn source_mut(&mut self) -> Option<&mut S> {
        self.source.as_mut()
    }

    pub(crate) fn next(&mut self) -> Option<Result<S::Item>> {
        let source = self.source.as_mut()?;
        let item = loop {
            if let Some(item) = source.pop() {
                break Some(item);
            }
            match source.fill() {
                Ok(true) => {}
                Ok(false) => break None,
                Err(error) => break Some(Err(error)),
            }
        };
        if !matches!(item, Some(Ok(_))) {
            self.source = None;
        }
        item
    }
}

/// Makes a type that holds a `Flow` in the field `flow` an `Iterator`.
macro_rules! flows {
    ($name:ident gives $item:ty) => {
        impl Iterator for $name {
            type Item = crate::error::Result<$item>;

            fn next(&mut self) -> Option<Self::Item> {
                self.flow.next()
            }
        }

        impl std::iter::FusedIterator for $name {}
    };
}

pub(crate) use flows;
