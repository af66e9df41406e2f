//! Host events as a binding is handed them: in arrays that are used again and again, with times that may
//! be text, and with labels of a sample of them to complete queries with.

use super::{ColumnError, HostEvents, read_times};

/// What a binding is handed.
#[derive(Clone, Debug)]
pub struct Columns<'a> {
    /// The host's number for each event.
    pub ids: &'a [u32],
    /// Whole milliseconds since the epoch; not a number where the time is text.
    pub millis: Vec<f64>,
    /// Nanoseconds within the millisecond.
    pub nanos: Vec<u32>,
    /// The times that are text, one after the other; then the texts.
    pub bytes: &'a [u8],
    /// Where the times end in them.
    pub times_end: usize,
    /// Where each text ends, from where the times end: cells row by row, then names and values of
    /// samples.
    pub ends: &'a [u32],
    /// How many cells there are in all.
    pub cells: usize,
    /// How many labels each event of the sample has.
    pub samples: &'a [u32],
    /// Bytes that each event takes in the host; empty where these are not counted.
    pub weights: &'a [u32],
}

/// The same, read and known to be text.
#[derive(Clone, Debug)]
pub struct ColumnBatch<'a> {
    columns: Columns<'a>,
    texts: &'a str,
}

impl<'a> Columns<'a> {
    /// Reads the times that are text; `None` where one is none of those that are read here.
    ///
    /// # Errors
    /// What is said to be in the bytes is not.
    pub fn read(mut self) -> Result<Option<ColumnBatch<'a>>, ColumnError> {
        let (times, texts) = self.bytes.split_at_checked(self.times_end).ok_or_else(too_short)?;
        let texts = str::from_utf8(texts).map_err(|error| ColumnError(error.to_string()))?;
        let read = read_times(times, &mut self.millis, &mut self.nanos);
        Ok(read.map(|()| ColumnBatch { columns: self, texts }))
    }
}

impl ColumnBatch<'_> {
    /// The events.
    ///
    /// # Errors
    /// There are fewer cells than said.
    pub fn events(&self) -> Result<HostEvents<'_>, ColumnError> {
        let Columns { ids, millis, nanos, ends, cells, weights, .. } = &self.columns;
        let ends = ends.get(..*cells).ok_or_else(too_short)?;
        Ok(HostEvents { handles: ids, millis, nanos, texts: self.texts, ends, weights })
    }

    /// The labels of each event of the sample.
    pub fn samples(&self) -> impl Iterator<Item = Result<Vec<(&str, &str)>, ColumnError>> {
        let Columns { ends, cells, samples, .. } = &self.columns;
        let mut at = *cells;
        let mut text = move || {
            let start = at.checked_sub(1).map_or(Some(0), |before| ends.get(before).copied());
            let end = ends.get(at).copied();
            at += 1;
            self.texts.get(start? as usize..end? as usize)
        };
        samples.iter().map(move |labels| {
            let labels = (0..*labels).map(|_| Some((text()?, text()?)));
            labels.collect::<Option<_>>().ok_or_else(too_short)
        })
    }
}

fn too_short() -> ColumnError {
    ColumnError("a column is shorter than what is said to be in it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::Columns;

    #[test]
    fn what_is_said_is_held_to_what_is_there() {
        let columns = Columns {
            ids: &[7],
            millis: vec![f64::NAN],
            nanos: vec![0],
            bytes: b"2026-01-01T00:00:00Zabc",
            times_end: 20,
            ends: &[1, 2, 3],
            cells: 1,
            samples: &[1],
            weights: &[],
        };
        let batch = columns.clone().read().expect("it is text").expect("it is a time");
        let events = batch.events().expect("there are as many");
        assert_eq!(
            (events.millis, events.ends),
            ([1_767_225_600_000.0].as_slice(), [1].as_slice())
        );
        let samples: Result<Vec<_>, _> = batch.samples().collect();
        assert_eq!(samples, Ok(vec![vec![("b", "c")]]));

        let other = Columns { millis: vec![0.0], ..columns.clone() };
        assert!(other.read().expect("it is text").is_none(), "a time is left over");
        assert!(Columns { times_end: 99, ..columns.clone() }.read().is_err());
        assert!(Columns { bytes: b"2026-01-01T00:00:00Z\xff", ..columns.clone() }.read().is_err());
        let few = Columns { cells: 9, samples: &[2], ..columns };
        let batch = few.read().expect("it is text").expect("it is a time");
        assert!(batch.events().is_err() && batch.samples().any(|labels| labels.is_err()));
    }
}
