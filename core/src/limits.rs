//! Every bound of the engine, with its default and its reason.

/// Longest line, and longest multi-line event, in bytes. Longer ones are counted bad lines: a stack
/// trace fits many times over, a binary file mistaken for a log does not exhaust memory.
pub const MAX_EVENT_BYTES: usize = 1 << 20;

/// Most memory an engine may be given, in bytes. A correlation crosses into the host as one record,
/// whose length is 32 bits; no correlation is larger than what the engine holds.
pub const MAX_MEMORY_BYTES: usize = 3_000 << 20;

/// Longest query text in bytes. A query is written by a person or a builder; beyond this it is an
/// attack or a mistake.
pub const MAX_QUERY_BYTES: usize = 64 << 10;

/// Deepest nesting of parentheses in a query: the parser recurses once per level.
pub const MAX_QUERY_DEPTH: usize = 64;

/// Most streams in one query: stream sets are one 64-bit word.
pub const MAX_STREAMS: usize = 64;

/// Largest compiled size of one regular expression, in bytes.
pub const MAX_REGEX_BYTES: usize = 1 << 20;

/// Most bytes that the regular expressions of one query may take together, compiled. That is of one
/// direction: with the other, and with what matching remembers of both on a thread, it may be four times as
/// much. Many are smaller each: a short query can ask for much.
pub const MAX_REGEXES_BYTES: usize = 8 << 20;

/// Most labels one event may have; further ones are dropped and counted as a bad line would be.
pub const MAX_LABELS: usize = 1_024;

/// Most text the labels of one event may add up to, in bytes; further ones are dropped and counted.
/// Dotted names repeat their beginning, so a hostile line can ask for far more than its own length.
pub const MAX_FIELDS_BYTES: usize = 4 << 20;

/// Deepest nesting of objects that become dotted labels; what is deeper stays JSON text.
pub const MAX_LABEL_DEPTH: usize = 16;

/// Lines a decoder looks at before it settles on a format.
pub const DETECT_LINES: usize = 16;

/// Bytes a decoder looks at before it settles on a format.
pub const DETECT_BYTES: usize = 64 << 10;

/// Bad lines of one source that are reported one by one between two polls; further ones are
/// reported together by code.
pub const NOTICES_PER_POLL: usize = 16;

/// Bytes of a batch of outputs after which nothing more is added to it: large enough that crossing
/// into the host's language does not count, small beside what the engine holds.
pub const BATCH_BYTES: usize = 4 << 20;

/// Most labels that an inspection lists.
pub const INSPECT_LABELS: usize = 256;

/// Most values of a label that an inspection counts.
pub const INSPECT_VALUES: usize = 1_000;

/// Most text of labels that the parsers of a selector extract from one event, names included;
/// further labels are dropped. Flattening repeats the names of outer objects, so that they could be a
/// thousand times the line.
pub const MAX_EXTRACTED_BYTES: usize = 2 * MAX_EVENT_BYTES;

/// Most labels of one source that are remembered to complete queries with.
pub const KNOWN_LABELS: usize = 256;

/// Most values of a label that are remembered to complete queries with.
pub const KNOWN_VALUES: usize = 64;

/// Longest name or value that is remembered to complete queries with, in bytes: nobody completes to
/// a stack trace.
pub const KNOWN_BYTES: usize = 128;

/// Most bytes for all that is remembered to complete queries with; less where little memory may be used
/// at all.
pub const KNOWN_MEMORY: usize = 256 << 10;

/// Events of each source that are all looked at to complete queries with: those of a short log.
pub const KNOWN_FIRST: u64 = 256;

/// After these, one of so many is: it costs next to nothing, and what is frequent is still seen.
pub const KNOWN_EVERY: u64 = 256;

/// Most pushes whose time is remembered to tell latencies; further ones are told together with one
/// before, within a hundredth of their age. At 24 bytes each.
pub const ARRIVALS: usize = 4_096;

/// Most events of one source that are remembered so that they are left out where answers of a server
/// overlap; the oldest go first. At some 40 bytes each.
pub const REMEMBERED_EVENTS: usize = 1 << 20;

/// Most bytes of lines that are made of one answer of a server. Labels of a series are repeated with each of
/// its samples, so that a hostile answer can ask for far more than its own length.
pub const RESPONSE_BYTES: usize = 256 << 20;
