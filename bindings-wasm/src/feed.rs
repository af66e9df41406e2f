//! Reads the streams of the web into the engine, chunk by chunk: one copy, into the memory of the module.
//!
//! The engine is borrowed for the time of a push, never across an await: whatever JavaScript calls
//! meanwhile finds it free.

use std::rc::Rc;
use std::sync::atomic::Ordering;

use futures::channel::oneshot;
use futures::future::{Either, select};
use js_sys::{Function, JsString, Promise, Reflect, Uint8Array};
use logbraid_core::id::SourceId;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ReadableStream, ReadableStreamDefaultReader, Response};

use crate::correlator::{Shared, set_clock};
use crate::{Result, STOPPED, coded, usage};

/// Bytes that the engine takes at once: the bounds of a query are looked at between pushes.
const BLOCK: usize = 256 << 10;

#[wasm_bindgen]
extern "C" {
    /// A steady clock, in milliseconds.
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;
}

/// Reads a stream to its end, or until the query is released.
pub async fn read(
    shared: &Rc<Shared>,
    source: SourceId,
    stream: JsValue,
    fed: &Function,
    mut released: oneshot::Receiver<()>,
) -> Result<()> {
    let Some(stream) = stream_of(stream)? else {
        shared.engine.borrow_mut().close(source);
        fed.call1(&JsValue::UNDEFINED, &0.into())?;
        return Ok(());
    };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut block = vec![0; BLOCK];
    loop {
        let read = select(JsFuture::from(reader.read()), &mut released).await;
        if STOPPED.load(Ordering::Relaxed) {
            return Ok(());
        }
        let Either::Left((read, _)) = read else { return leave(&reader).await };
        let read = read?;
        let chunk = Reflect::get(&read, &"value".into())?;
        if chunk.is_undefined() {
            shared.engine.borrow_mut().close(source);
            fed.call1(&JsValue::UNDEFINED, &0.into())?;
            return Ok(());
        }
        let Ok(chunk) = chunk.dyn_into::<Uint8Array>() else {
            leave(&reader).await?;
            return Err(usage("a stream gave something other than bytes (Uint8Array)"));
        };
        let at = now();
        let mut taken = 0;
        while taken < chunk.length() {
            let length = (chunk.length() - taken).min(u32::try_from(BLOCK).unwrap_or(u32::MAX));
            let block = &mut block[..length as usize];
            chunk.subarray(taken, taken + length).copy_to(block);
            taken += length;
            {
                let mut engine = shared.engine.borrow_mut();
                set_clock(&mut engine, Some(at));
                engine.push(source, block);
            }
            let room = fed.call1(&JsValue::UNDEFINED, &length.into())?;
            let room = JsFuture::from(Promise::resolve(&room));
            let room = select(room, &mut released).await;
            if STOPPED.load(Ordering::Relaxed) {
                return Ok(());
            }
            let Either::Left((room, _)) = room else { return leave(&reader).await };
            room?;
        }
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

/// Tells the stream that nobody reads it any more. What it says to that changes nothing.
async fn leave(reader: &ReadableStreamDefaultReader) -> Result<()> {
    let _ = JsFuture::from(reader.cancel()).await;
    Ok(())
}
