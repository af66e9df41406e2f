//! Columns of objects that stay in JavaScript, as `Columns` in core says.

use logbraid_core::columns;
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
    pub weights: Option<Uint32Array>,
}

impl Columns {
    /// The same, as core takes it.
    pub fn view(&self) -> Result<columns::Columns<'_>> {
        let rows = self.rows as usize;
        Ok(columns::Columns {
            ids: first(&self.ids, rows)?,
            millis: first(&self.millis, rows)?.to_vec(),
            nanos: first(&self.nanos, rows)?.to_vec(),
            bytes: first(&self.bytes, self.texts_end as usize)?,
            times_end: self.times_end as usize,
            ends: &self.ends,
            cells: self.cells as usize,
            samples: &self.samples,
            weights: self.weights.as_ref().map_or(Ok(&[][..]), |weights| first(weights, rows))?,
        })
    }
}

fn first<T>(column: &[T], length: usize) -> Result<&[T]> {
    column.get(..length).ok_or_else(|| usage("a column is shorter than what is said to be in it"))
}
