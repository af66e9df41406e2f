//! Window state: which events are held, and how far event time has come.

mod lists;
pub(crate) mod record;
pub(crate) mod store;
pub(crate) mod watermark;
