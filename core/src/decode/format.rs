//! The formats: their names, and which of them the first lines of a source are in.

use super::clock::Clock;
use super::code::Bad;
use super::logfmt::Logfmt;
use super::ndjson::Ndjson;
use super::record::Roles;
use super::text::Leading;
use super::zone::Zone;
use super::{DecoderError, DecoderOptions, combined, syslog, text};
use crate::event::Fields;
use crate::time::Timestamp;

/// What all formats need to know about a source.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub zone: Zone,
    /// "Now", for times without a year.
    pub reference: Option<Timestamp>,
}

/// A format, with what it has learnt about one source.
#[derive(Clone, Debug)]
pub(super) enum Format {
    Ndjson(Ndjson),
    Combined,
    Syslog { named: bool },
    Logfmt(Logfmt),
    Text(Leading),
}

/// How well a format fits some lines; more is better, events before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fit {
    /// Lines it makes events of.
    pub events: usize,
    /// Lines that have its shape, be it with something wrong.
    pub shaped: usize,
}

impl Fit {
    /// It does not fit at all.
    pub const NONE: Self = Self { events: 0, shaped: 0 };
}

impl Format {
    /// The names of all formats, the most specific one first.
    pub const NAMES: &'static [&'static str] =
        &["ndjson", "combined", "syslog", "logfmt", "text", "epoch"];

    /// The formats to choose from: the one that is named, or all, the most specific one first.
    pub fn candidates(options: DecoderOptions) -> Result<Vec<Self>, DecoderError> {
        let DecoderOptions { format, time, message, level, .. } = options;
        let roles = Roles::new(time, message, level);
        let named = format.is_some();
        let all = [
            Self::Ndjson(Ndjson::new(roles.clone())),
            Self::Combined,
            Self::Syslog { named },
            Self::Logfmt(Logfmt { roles }),
            Self::Text(Leading::Calendar),
            Self::Text(Leading::Epoch),
        ];
        let Some(name) = format else { return Ok(all.into()) };
        match all.into_iter().find(|format| format.name() == name) {
            Some(format) => Ok(vec![format]),
            None => Err(DecoderError {
                message: format!(
                    "unknown format `{name}`: expected one of {}",
                    Self::NAMES.join(", ")
                ),
            }),
        }
    }

    /// Its name in options.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ndjson(_) => "ndjson",
            Self::Combined => "combined",
            Self::Syslog { .. } => "syslog",
            Self::Logfmt(_) => "logfmt",
            Self::Text(Leading::Calendar) => "text",
            Self::Text(Leading::Epoch) => "epoch",
        }
    }

    /// Whether a line of foreign shape belongs to the event before it.
    pub fn is_multi_line(&self) -> bool {
        self.roles().is_none()
    }

    /// Whether the first lines can still tell it something.
    pub fn learns(&self) -> bool {
        self.roles().is_some_and(|roles| !roles.are_settled())
    }

    /// The field of the time, in formats that have fields.
    pub fn time_field(&self) -> Option<&str> {
        self.roles()?.time_field()
    }

    /// Makes an event of its bytes: of its first line and, in a multi-line format, those after it.
    /// Depends on nothing but those and what the first lines of the source have told; `clock` makes it
    /// faster.
    pub fn decode(
        &self,
        raw: &str,
        context: &Context,
        clock: &mut Clock,
        fields: &mut Fields,
    ) -> Result<Timestamp, Bad> {
        // The first line alone decides time and labels, so that the lines after it change neither.
        let (line, following) = match memchr::memchr(b'\n', raw.as_bytes()) {
            Some(end) => (&raw[..end], Some(&raw[end + 1..])),
            None => (raw, None),
        };
        let zone = &context.zone;
        let time = match self {
            Self::Ndjson(ndjson) => ndjson.decode(raw, zone, fields),
            Self::Combined => combined::decode(line, zone, clock, fields),
            Self::Syslog { named } => syslog::decode(line, *named, context, clock, fields),
            Self::Logfmt(logfmt) => logfmt.decode(raw, zone, clock, fields),
            Self::Text(leading) => text::decode(line, *leading, zone, clock, fields),
        }?;
        if let Some(following) = following.filter(|_| self.is_multi_line()) {
            fields.append_message(following);
        }
        Ok(time)
    }

    /// Learns from the first lines, and tells how well it fits them.
    pub fn learn<'l>(
        &mut self,
        lines: impl Iterator<Item = &'l str> + Clone,
        context: &Context,
        clock: &mut Clock,
        fields: &mut Fields,
    ) -> Fit {
        match self {
            Self::Ndjson(ndjson) => ndjson.learn(lines.clone(), &context.zone),
            Self::Logfmt(logfmt) => logfmt.learn(lines.clone(), &context.zone),
            Self::Combined | Self::Syslog { .. } | Self::Text(_) => {}
        }
        let mut fit = Fit::NONE;
        for line in lines {
            match self.decode(line, context, clock, fields) {
                Ok(_) => fit.events += 1,
                Err(bad) if !bad.foreign => fit.shaped += 1,
                Err(_) => {}
            }
        }
        fit
    }

    fn roles(&self) -> Option<&Roles> {
        match self {
            Self::Ndjson(Ndjson { roles, .. }) | Self::Logfmt(Logfmt { roles }) => Some(roles),
            Self::Combined | Self::Syslog { .. } | Self::Text(_) => None,
        }
    }
}
