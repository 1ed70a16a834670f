//! A source as a `Stream`.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};

use super::client::Source;
use crate::error::Result;

/// Hands out what a source gives, and stops after an error.
pub(crate) struct Flow<S: Source> {
    state: State<S>,
}

enum State<S> {
    Ready(S),
    /// The source is inside of the future that fills it, so that a wait that is given up loses nothing.
    Filling(Pin<Box<dyn Future<Output = (S, Result<bool>)> + Send>>),
    Done,
}

impl<S: Source + Unpin> Flow<S> {
    pub(crate) fn new(source: S) -> Self {
        Self { state: State::Ready(source) }
    }

    /// The source, unless it is being filled or has ended.
    pub(crate) fn source_mut(&mut self) -> Option<&mut S> {
        match &mut self.state {
            State::Ready(source) => Some(source),
            State::Filling(_) | State::Done => None,
        }
    }

    pub(crate) async fn next(&mut self) -> Option<Result<S::Item>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<S::Item>>> {
        loop {
            match &mut self.state {
                State::Ready(source) => {
                    if let Some(item) = source.pop() {
                        if item.is_err() {
                            self.state = State::Done;
                        }
                        return Poll::Ready(Some(item));
                    }
                    let State::Ready(mut source) = std::mem::replace(&mut self.state, State::Done) else { continue };
                    self.state = State::Filling(Box::pin(async move {
                        let filled = source.fill().await;
                        (source, filled)
                    }));
                }
                State::Filling(filling) => match filling.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready((source, Ok(true))) => self.state = State::Ready(source),
                    Poll::Ready((_, Ok(false))) => self.state = State::Done,
                    Poll::Ready((_, Err(error))) => {
                        self.state = State::Done;
                        return Poll::Ready(Some(Err(error)));
                    }
                },
                State::Done => return Poll::Ready(None),
            }
        }
    }
}

/// Makes a type that holds a `Flow` in the field `flow` a `Stream`.
macro_rules! flows {
    ($name:ident gives $item:ty) => {
        impl futures_core::Stream for $name {
            type Item = crate::error::Result<$item>;

            fn poll_next(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Self::Item>> {
                self.flow.poll_next(cx)
            }
        }
    };
}

pub(crate) use flows;
