//! What a source holds, for people who want to know before they write a query.

use logbraid_core::decode::DecoderOptions;
use logbraid_core::inspect;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::{Result, coded, usage};

/// Looks at one source.
#[wasm_bindgen]
pub struct Inspector {
    inner: Option<inspect::Inspector>,
}

#[wasm_bindgen]
impl Inspector {
    #[wasm_bindgen(constructor)]
    pub fn new(options: JsValue) -> Result<Self> {
        let options: DecoderOptions = serde_wasm_bindgen::from_value(options).map_err(usage)?;
        let inner = inspect::Inspector::new(options)
            .map_err(|error| coded("INVALID_OPTION", &error.to_string()))?;
        Ok(Self { inner: Some(inner) })
    }

    /// Takes bytes, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.inner.as_mut().ok_or_else(finished)?.push(bytes);
        Ok(())
    }

    /// Tells what was found, as JSON; nothing can be pushed any more.
    pub fn finish(&mut self) -> Result<String> {
        let inspection = self.inner.take().ok_or_else(finished)?.finish();
        Ok(serde_json::to_string(&inspection).expect("an inspection is plain data"))
    }
}

fn finished() -> JsValue {
    usage("the inspector has finished")
}
