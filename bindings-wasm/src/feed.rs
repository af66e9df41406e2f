//! Reads the streams of the web, chunk by chunk.
//!
//! What has been read is told to JavaScript, which has the engine take it, with one copy, into the memory of
//! the module: a trap is seen there, where one in the promises of this module would be seen by nobody. Nothing is borrowed across an await, so that
//! whatever JavaScript calls meanwhile finds the engine free.

use std::rc::Rc;
use std::sync::atomic::Ordering;

use futures::channel::oneshot;
use futures::future::{Either, select};
use js_sys::{Function, JsString, Promise, Reflect, Uint8Array};
use logbraid_core::id::SourceId;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, ReadableStream, ReadableStreamDefaultReader, Response};

use crate::correlator::Shared;
use crate::{Result, STOPPED, coded, usage};

/// Bytes that the engine takes at once: the bounds of a query are looked at between pushes.
const BLOCK: u32 = 256 << 10;

#[wasm_bindgen]
extern "C" {
    /// A steady clock, in milliseconds.
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;
}

/// What has been read and the engine has yet to take.
pub struct Block {
    pub source: SourceId,
    pub bytes: Uint8Array,
    /// When it arrived, by a steady clock, in milliseconds.
    pub arrived: f64,
}

/// Reads a stream to its end, or until the query is released.
pub async fn read(
    shared: &Rc<Shared>,
    source: SourceId,
    stream: JsValue,
    fed: &Function,
    released: oneshot::Receiver<()>,
) -> Result<()> {
    if let Some(stream) = stream_of(stream)? {
        // Unlike `getReader`, it can be caught: a stream that somebody else reads cannot be read.
        let reader = ReadableStreamDefaultReader::new(&stream)?;
        match pump(shared, source, &reader, fed, released).await {
            Ok(true) => {}
            Ok(false) => {
                leave(reader);
                return Ok(());
            }
            Err(error) => {
                leave(reader);
                return Err(error);
            }
        }
    }
    fed.call1(&JsValue::UNDEFINED, &0.into())?;
    Ok(())
}

/// Whether the stream has been read to its end.
async fn pump(
    shared: &Rc<Shared>,
    source: SourceId,
    reader: &ReadableStreamDefaultReader,
    fed: &Function,
    mut released: oneshot::Receiver<()>,
) -> Result<bool> {
    loop {
        let read = select(&mut released, JsFuture::from(reader.read())).await;
        let Some(read) = unless_over(read) else { return Ok(false) };
        let chunk = Reflect::get(&read?, &"value".into())?;
        if chunk.is_undefined() {
            return Ok(true);
        }
        let Ok(chunk) = chunk.dyn_into::<Uint8Array>() else {
            return Err(usage("a stream gave something other than bytes (Uint8Array)"));
        };
        let arrived = now();
        let mut taken = 0;
        while taken < chunk.length() {
            let length = (chunk.length() - taken).min(BLOCK);
            let bytes = chunk.subarray(taken, taken + length);
            taken += length;
            shared.block.replace(Some(Block { source, bytes, arrived }));
            let room = fed.call1(&JsValue::UNDEFINED, &length.into())?;
            let room = select(&mut released, JsFuture::from(Promise::resolve(&room))).await;
            let Some(room) = unless_over(room) else { return Ok(false) };
            room?;
        }
    }
}

/// What has come, unless the query has been released or the module has stopped.
fn unless_over<R, T, S, F>(come: Either<(R, S), (T, F)>) -> Option<T> {
    match come {
        Either::Right((come, _)) if !STOPPED.load(Ordering::Relaxed) => Some(come),
        _ => None,
    }
}

/// The bytes of what can be read; `None` where there are none.
fn stream_of(value: JsValue) -> Result<Option<ReadableStream>> {
    let value = match value.dyn_into::<Blob>() {
        Ok(blob) => return Ok(Some(blob.stream())),
        Err(value) => value,
    };
    match value.dyn_into::<Response>() {
        Ok(response) if response.ok() => Ok(response.body()),
        Ok(response) => {
            let (status, text) = (response.status(), response.status_text());
            let message = format!("the response is {status} {text}, expected one that is ok");
            Err(coded("SOURCE_ERROR", &message))
        }
        Err(value) => value.dyn_into().map(Some).map_err(|value| {
            let what = JsString::from(value.js_typeof());
            usage(format!("expected a ReadableStream, a Blob or a Response, not {what:?}"))
        }),
    }
}

/// Tells the stream that nobody reads it any more. Nobody waits for what it says to that.
fn leave(reader: ReadableStreamDefaultReader) {
    let left = reader.cancel();
    spawn_local(async move {
        let _ = JsFuture::from(left).await;
    });
}
