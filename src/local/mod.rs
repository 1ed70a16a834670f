//! Stub until the engine lands.
