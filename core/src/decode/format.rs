//! The formats: their names, and which of them the first lines of a source are in.

use super::code::Bad;
use super::ndjson::Ndjson;
use super::record::Roles;
use super::zone::Zone;
use super::{DecoderError, DecoderOptions};
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
    /// The names of all formats.
    pub const NAMES: &'static [&'static str] = &["ndjson"];

    /// The formats to choose from: the one that is named, or all, the most specific one first.
    pub fn candidates(options: &DecoderOptions) -> Result<Vec<Self>, DecoderError> {
        let roles =
            Roles::new(options.time.as_ref(), options.message.as_ref(), options.level.as_ref());
        let all = vec![Self::Ndjson(Ndjson::new(roles))];
        let Some(name) = &options.format else { return Ok(all) };
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
        }
    }

    /// Whether a line of foreign shape belongs to the event before it.
    pub fn is_multi_line(&self) -> bool {
        match self {
            Self::Ndjson(_) => false,
        }
    }

    /// Whether the first lines can still tell it something.
    pub fn learns(&self) -> bool {
        match self {
            Self::Ndjson(ndjson) => !ndjson.roles.are_settled(),
        }
    }

    /// The field of the time, in formats that have fields.
    pub fn time_field(&self) -> Option<&str> {
        match self {
            Self::Ndjson(ndjson) => ndjson.roles.time(),
        }
    }

    /// Makes an event of its bytes: of its first line and, in a multi-line format, those after it.
    pub fn decode(
        &self,
        raw: &str,
        context: &Context,
        fields: &mut Fields,
    ) -> Result<Timestamp, Bad> {
        match self {
            Self::Ndjson(ndjson) => ndjson.decode(raw, &context.zone, fields),
        }
    }

    /// Learns from the first lines, and tells how well it fits them.
    pub fn learn<'l>(
        &mut self,
        lines: impl Iterator<Item = &'l str> + Clone,
        context: &Context,
        fields: &mut Fields,
    ) -> Fit {
        match self {
            Self::Ndjson(ndjson) => ndjson.learn(lines.clone(), &context.zone),
        }
        let mut fit = Fit::NONE;
        for line in lines {
            match self.decode(line, context, fields) {
                Ok(_) => fit.events += 1,
                Err(bad) if !bad.foreign => fit.shaped += 1,
                Err(_) => {}
            }
        }
        fit
    }
}
