//! Columns of objects that stay in JavaScript; what a row of cells is, is said at `HostEvents` in core.

use logbraid_core::columns::{HostEvents, read_times};
use napi::bindgen_prelude::{Float64Array, Uint8Array, Uint32Array};
use napi_derive::napi;

use crate::{Result, usage};

/// The arrays may be longer than what is in them: they are used again and again.
#[napi(object)]
pub struct Columns {
    pub rows: u32,
    pub ids: Uint32Array,
    pub millis: Float64Array,
    pub nanos: Uint32Array,
    pub bytes: Uint8Array,
    pub times_end: u32,
    pub texts_end: u32,
    pub ends: Uint32Array,
    pub cells: u32,
    pub samples: Uint32Array,
}

/// A batch of events, and labels of some of them.
pub struct Batch<'a> {
    columns: &'a Columns,
    millis: Vec<f64>,
    nanos: Vec<u32>,
    texts: &'a str,
}

impl Columns {
    /// The same, as core takes it; `None` where a text is none of the times that are read here.
    pub fn read(&self) -> Result<Option<Batch<'_>>> {
        let (times_end, texts_end) = (self.times_end as usize, self.texts_end as usize);
        let times = first(&self.bytes, times_end)?;
        let texts = self.bytes.get(times_end..texts_end).ok_or_else(too_short)?;
        let texts = str::from_utf8(texts).map_err(usage)?;
        let mut millis = first(&self.millis, self.rows as usize)?.to_vec();
        let mut nanos = first(&self.nanos, self.rows as usize)?.to_vec();
        let read = read_times(times, &mut millis, &mut nanos);
        Ok(read.map(|()| Batch { columns: self, millis, nanos, texts }))
    }
}

impl Batch<'_> {
    pub fn events(&self) -> Result<HostEvents<'_>> {
        Ok(HostEvents {
            handles: first(&self.columns.ids, self.columns.rows as usize)?,
            millis: &self.millis,
            nanos: &self.nanos,
            texts: self.texts,
            ends: first(&self.columns.ends, self.columns.cells as usize)?,
        })
    }

    /// The labels of each event of the sample.
    pub fn samples(&self) -> impl Iterator<Item = Result<Vec<(&str, &str)>>> {
        let mut at = self.columns.cells as usize;
        let mut text = move || {
            let ends = &self.columns.ends;
            let start = at.checked_sub(1).map_or(Some(0), |before| ends.get(before).copied());
            let end = ends.get(at).copied();
            at += 1;
            self.texts.get(start? as usize..end? as usize)
        };
        self.columns.samples.iter().map(move |labels| {
            let labels = (0..*labels).map(|_| Some((text()?, text()?)));
            labels.collect::<Option<_>>().ok_or_else(too_short)
        })
    }
}

fn first<T>(column: &[T], length: usize) -> Result<&[T]> {
    column.get(..length).ok_or_else(too_short)
}

fn too_short() -> napi::Error<&'static str> {
    usage("a column is shorter than what is said to be in it")
}
