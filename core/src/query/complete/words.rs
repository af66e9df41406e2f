//! The words of the language, with what is shown beside them.

pub(super) const OPERATORS: [(&str, &str); 6] = [
    ("and", "both sides"),
    ("or", "the left side, with the right where it matches"),
    ("outer", "either side"),
    ("unless", "the left side without a match"),
    ("then", "both sides, in order"),
    ("then not", "the left side without a match that follows"),
];

pub(super) const CLAUSES: [(&str, &str); 6] = [
    ("on", "labels that agree"),
    ("ignoring", "labels that need not agree"),
    ("within", "how far apart"),
    ("pick", "which matches make a result"),
    ("group_left", "one result per left event"),
    ("group_right", "one result per right event"),
];

pub(super) const POLICIES: [&str; 4] = [
    "everything that is connected",
    "each match",
    "one to one, the earliest first",
    "the newest left side waits",
];

pub(super) const STAGES: [(&str, &str); 3] = [
    ("where", "keeps correlations"),
    ("select", "the labels of the result"),
    ("limit", "ends the query"),
];

pub(super) const DURATIONS: [&str; 6] = ["5s", "30s", "1m", "5m", "15m", "1h"];

pub(super) const MATCHERS: [(&str, &str); 4] = [
    ("=", "equal"),
    ("!=", "not equal"),
    ("=~", "the regex matches the whole value"),
    ("!~", "the regex does not match the whole value"),
];

pub(super) const LINE_FILTERS: [(&str, &str); 4] = [
    ("|=", "lines that contain"),
    ("!=", "lines that do not contain"),
    ("|~", "lines that match"),
    ("!~", "lines that do not match"),
];

pub(super) const PARSERS: [(&str, &str); 4] = [
    ("json", "the fields of a JSON line"),
    ("logfmt", "the key=value pairs of a line"),
    ("pattern", "the parts of a line"),
    ("regexp", "the named groups of a regex"),
];

pub(super) const COMPARISONS: [(&str, &str); 5] = [
    (">=", "at least"),
    (">", "more than"),
    ("<=", "at most"),
    ("<", "less than"),
    ("==", "equal, as numbers"),
];

pub(super) const ARITHMETIC: [(&str, &str); 4] =
    [("+", "sum"), ("-", "difference"), ("*", "product"), ("/", "quotient")];

pub(super) const FUNCTIONS: [(&str, &str); 4] = [
    ("count", "how many events of a stream"),
    ("first", "the first event of a stream"),
    ("last", "the last event of a stream"),
    ("every", "whether all events of a stream satisfy it"),
];

/// What else a condition starts with; a value with all but `not`.
pub(super) const CONDITIONS: [(&str, &str); 3] =
    [("duration", "from the first to the last event"), ("not", "does not hold"), ("(", "groups")];

pub(super) const JUNCTIONS: [(&str, &str); 2] = [("and", "both hold"), ("or", "one holds")];
