//! The codes of bad lines: stable, the same in every binding.

use std::borrow::Cow;

/// Longer than [`crate::limits::MAX_EVENT_BYTES`].
pub const LINE_TOO_LONG: &str = "LINE_TOO_LONG";
/// Has NUL bytes.
pub const LINE_HAS_NUL: &str = "LINE_HAS_NUL";
/// Not valid UTF-8.
pub const LINE_NOT_UTF8: &str = "LINE_NOT_UTF8";
/// Not a JSON object.
pub const LINE_NOT_JSON: &str = "LINE_NOT_JSON";
/// Not `key=value` pairs.
pub const LINE_NOT_LOGFMT: &str = "LINE_NOT_LOGFMT";
/// Has no time, and there is no event before it to belong to.
pub const LINE_NO_TIME: &str = "LINE_NO_TIME";
/// Has something in place of the time that is none.
pub const LINE_BAD_TIME: &str = "LINE_BAD_TIME";
/// Its time does not fit signed nanoseconds since 1970 (years 1677 to 2262).
pub const LINE_TIME_OUT_OF_RANGE: &str = "LINE_TIME_OUT_OF_RANGE";
/// Its time names a zone that is unknown or ambiguous.
pub const LINE_UNKNOWN_ZONE: &str = "LINE_UNKNOWN_ZONE";
/// Its time has no year, and [`super::DecoderOptions::reference_time`] is not set.
pub const LINE_NO_YEAR: &str = "LINE_NO_YEAR";
/// Belongs to a multi-line event that has grown to [`crate::limits::MAX_EVENT_BYTES`].
pub const EVENT_TOO_LONG: &str = "EVENT_TOO_LONG";
/// Its event is kept, but lost labels to [`crate::limits::MAX_LABELS`] or
/// [`crate::limits::MAX_FIELDS_BYTES`].
pub const EVENT_TOO_MANY_LABELS: &str = "EVENT_TOO_MANY_LABELS";
/// No known format decodes the first lines.
pub const FORMAT_UNKNOWN: &str = "FORMAT_UNKNOWN";

/// Why a format cannot make an event of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bad {
    pub code: &'static str,
    pub message: Cow<'static, str>,
    /// The line has not even the shape of the format: in a multi-line format it belongs to the
    /// event before it.
    pub foreign: bool,
}

impl Bad {
    /// The line has the shape of the format, but something is wrong with it.
    pub fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), foreign: false }
    }

    /// The line has not the shape of the format.
    pub fn foreign(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), foreign: true }
    }
}
