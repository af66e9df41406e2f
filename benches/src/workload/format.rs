//! How lines are written.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::{self, Write};

use super::{Choice, Line, Moment, Service, Workload, Written, mix};

/// How lines are written. All but [`Format::Loki`] are named as `logbraid_core::decode::FORMATS`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Format {
    /// A `LogEvent` a line: `labels` holds `service` and `request_id`.
    Ndjson,
    /// The same fields as pairs.
    Logfmt,
    /// An access log: `vhost` is the service, the path has the id, times have seconds only.
    Combined,
    /// syslog (RFC 5424): the app is the service, the message has the id.
    Syslog,
    /// An RFC 3339 time and text that has service and id.
    Text,
    /// The same after milliseconds since the epoch.
    Epoch,
    /// Responses of Loki's `query_range`, one a line, forward: a stream for each service and level,
    /// logfmt lines.
    Loki,
}

/// Entries of one response: Loki's own limit where nothing else is configured.
const LOKI_ENTRIES: usize = 5_000;

const WORDS: [&str; 16] = [
    "cart", "checkout", "payment", "refused", "retry", "upstream", "timeout", "cache", "miss",
    "user", "session", "order", "queue", "slow", "lock", "row",
];

impl Format {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Ndjson,
        Self::Logfmt,
        Self::Combined,
        Self::Syslog,
        Self::Text,
        Self::Epoch,
        Self::Loki,
    ];

    /// As it is called, and the extension of its files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Logfmt => "logfmt",
            Self::Combined => "combined",
            Self::Syslog => "syslog",
            Self::Text => "text",
            Self::Epoch => "epoch",
            Self::Loki => "loki",
        }
    }
}

/// Writes `lines`.
pub(super) fn write(
    workload: &Workload,
    lines: impl Iterator<Item = Line>,
    format: Format,
    out: &mut impl Write,
) -> io::Result<Written> {
    let mut written = Written::default();
    let mut buffer = String::new();
    let mut put = |buffer: &mut String| {
        written.bytes += buffer.len() as u64;
        out.write_all(buffer.as_bytes())?;
        buffer.clear();
        io::Result::Ok(())
    };
    let mut response = Response::default();
    for line in lines {
        written.events += 1;
        let line = Shown { workload, line };
        if format == Format::Loki {
            response.add(&line);
            if response.entries == LOKI_ENTRIES {
                response.finish(&mut buffer);
                put(&mut buffer)?;
            }
        } else {
            line.write(format, &mut buffer).expect("text takes writes");
            put(&mut buffer)?;
        }
    }
    if response.entries > 0 {
        response.finish(&mut buffer);
        put(&mut buffer)?;
    }
    Ok(written)
}

/// A line with what it is written from.
struct Shown<'w> {
    workload: &'w Workload,
    line: Line,
}

impl Shown<'_> {
    fn write(&self, format: Format, out: &mut String) -> fmt::Result {
        let (service, level) = (self.service(), self.level());
        match format {
            Format::Ndjson => {
                write!(out, "{{\"timestamp\":\"")?;
                self.time(out)?;
                write!(out, "\",\"level\":\"{level}\",\"message\":\"")?;
                self.message(out)?;
                write!(out, "\",\"labels\":{{\"service\":\"{service}\",\"request_id\":\"")?;
                self.id(out)?;
                out.push_str("\"}}");
            }
            Format::Logfmt => {
                write!(out, "time=")?;
                self.time(out)?;
                write!(out, " service={service} ")?;
                self.logfmt(out)?;
            }
            Format::Combined => {
                let seconds = self.timestamp().strftime("%d/%b/%Y:%H:%M:%S %z");
                let (client, order) = (self.random() % 250 + 1, self.order());
                write!(out, "{service}:80 10.0.0.{client} - - [{seconds}] ")?;
                write!(out, "\"GET /orders/{order}?request_id=")?;
                self.id(out)?;
                let (status, bytes) = (if level == "info" { 200 } else { 500 }, self.order());
                write!(out, " HTTP/1.1\" {status} {bytes} \"-\" \"")?;
                self.message(out)?;
                write!(out, "\"")?;
            }
            Format::Syslog => {
                // Facility 16, local0; severity 6 or 3.
                let priority = 16 * 8 + if level == "info" { 6 } else { 3 };
                write!(out, "<{priority}>1 ")?;
                self.time(out)?;
                write!(out, " host-{} {service} 4711 - - ", self.random() % 8)?;
                self.text(out)?;
            }
            Format::Text => {
                self.time(out)?;
                write!(out, " {} {service}: ", level.to_uppercase())?;
                self.text(out)?;
            }
            Format::Epoch => {
                write!(out, "{} {service}: ", self.line.time_ms)?;
                self.text(out)?;
            }
            Format::Loki => unreachable!("a response has many lines"),
        }
        out.push('\n');
        Ok(())
    }

    fn service(&self) -> &'static str {
        self.line.moment.service().name()
    }

    fn level(&self) -> &'static str {
        if self.line.moment == Moment::Failed { "error" } else { "info" }
    }

    fn random(&self) -> u64 {
        let of = self.line.request * 4 + self.line.moment as u64;
        self.workload.random(Choice::Words, of)
    }

    fn order(&self) -> u64 {
        self.line.key % 90_000 + 10_000
    }

    fn timestamp(&self) -> jiff::Timestamp {
        let millis = i64::try_from(self.line.time_ms).unwrap_or(i64::MAX);
        jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX)
    }

    fn time(&self, out: &mut String) -> fmt::Result {
        write!(out, "{:.3}", self.timestamp())
    }

    /// The id in the shape of a random UUID.
    fn id(&self, out: &mut String) -> fmt::Result {
        let (high, low) = (mix(self.line.key), mix(!self.line.key));
        write!(
            out,
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            (low >> 48) & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        )
    }

    /// What happened, and words up to the length that this message is to have. Nothing in it needs
    /// an escape.
    fn message(&self, out: &mut String) -> fmt::Result {
        let mean = self.workload.message_bytes;
        let mut random = self.random();
        let spread = usize::try_from(random >> 32).unwrap_or(0) % (mean + 1);
        let start = out.len();
        let end = start + mean / 2 + spread;
        let order = self.order();
        match self.line.moment {
            Moment::Started => write!(out, "GET /orders/{order} started")?,
            Moment::Queried => write!(out, "select order {order}")?,
            Moment::Failed => write!(out, "query of order {order} failed")?,
            Moment::Completed => write!(out, "GET /orders/{order} completed")?,
        }
        while out.len() < end {
            out.push(' ');
            out.push_str(WORDS[usize::try_from(random % 16).unwrap_or(0)]);
            random = random.rotate_right(4) ^ order;
        }
        out.truncate(end);
        // A message does not end in a space: formats may trim it.
        if out[start..].ends_with(' ') {
            out.pop();
            out.push('.');
        }
        Ok(())
    }

    /// A message with its id.
    fn text(&self, out: &mut String) -> fmt::Result {
        self.message(out)?;
        write!(out, " request_id=")?;
        self.id(out)
    }

    fn logfmt(&self, out: &mut String) -> fmt::Result {
        write!(out, "level={} msg=\"", self.level())?;
        self.message(out)?;
        write!(out, "\" request_id=")?;
        self.id(out)
    }
}

/// One response of Loki.
#[derive(Default)]
struct Response {
    /// Service and level, and their values with their times.
    streams: BTreeMap<(&'static str, &'static str), Vec<(u64, String)>>,
    entries: usize,
}

impl Response {
    fn add(&mut self, line: &Shown<'_>) {
        let mut value = format!("[\"{}000000\",\"", line.line.time_ms);
        let mut text = String::new();
        line.logfmt(&mut text).expect("text takes writes");
        value.push_str(&text.replace('"', "\\\""));
        value.push_str("\"]");
        let values = self.streams.entry((line.service(), line.level())).or_default();
        values.push((line.line.time_ms, value));
        self.entries += 1;
    }

    /// Writes the response, and begins the next one.
    fn finish(&mut self, out: &mut String) {
        out.push_str(r#"{"status":"success","data":{"resultType":"streams","result":["#);
        let mut comma = "";
        for ((service, level), mut values) in std::mem::take(&mut self.streams) {
            values.sort_by_key(|(time, _)| *time);
            write!(
                out,
                r#"{comma}{{"stream":{{"detected_level":"{level}","level":"{level}","service":"{service}","service_name":"{service}"}},"values":["#
            )
            .expect("text takes writes");
            comma = ",";
            for (at, (_, value)) in values.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                out.push_str(value);
            }
            out.push_str("]}");
        }
        write!(
            out,
            r#"],"stats":{{"summary":{{"totalEntriesReturned":{},"totalLinesProcessed":{}}}}}}}}}"#,
            self.entries, self.entries
        )
        .expect("text takes writes");
        out.push('\n');
        self.entries = 0;
    }
}

impl Service {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Frontend, Self::Backend];
}
