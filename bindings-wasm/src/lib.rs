//! The engine as WebAssembly: synchronous and batched, but for [`correlator::Correlator::feed`]. Adds a random seed and
//! reading the streams of the web; everything else is core's. Async iteration, cancellation and
//! back-pressure are written once, in TypeScript.
//!
//! A panic is thrown as an exception without a `code`, and leaves the module as it was in the middle of
//! something: whoever holds it makes another.

#![allow(missing_docs, clippy::missing_errors_doc, clippy::needless_pass_by_value)]

pub mod correlator;
mod feed;
pub mod inspect;
pub mod query;
pub mod response;

use std::sync::atomic::AtomicBool;

use js_sys::Reflect;
use logbraid_core::error::Error as EngineError;
use logbraid_core::options::JsonOptions;
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

/// An exception whose `code` is the stable code of the mistake.
type Result<T> = std::result::Result<T, JsValue>;

fn fail(error: &EngineError) -> JsValue {
    coded(error.code(), &error.to_string())
}

fn usage(message: impl ToString) -> JsValue {
    coded("INVALID_ARGUMENT", &message.to_string())
}

fn coded(code: &str, message: &str) -> JsValue {
    let error = JsValue::from(JsError::new(message));
    // An error that was just made takes any property.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error
}

/// What panics says so in the exception, not on a console.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|panic| wasm_bindgen::throw_str(&panic.to_string())));
}

/// Set from outside once a call has trapped: what still comes from promises ends here.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Where a byte of 1 says that the module has stopped: it is written to, since nothing is called any more.
#[wasm_bindgen(js_name = stopFlag)]
pub fn stop_flag() -> *const u8 {
    STOPPED.as_ptr().cast_const().cast()
}

fn read_options(options: JsValue) -> Result<JsonOptions> {
    serde_wasm_bindgen::from_value(options)
        .map_err(|error| fail(&EngineError::Option { name: "options", message: error.to_string() }))
}
