//! What a source holds, for people who want to know before they write a query.

use logbraid_core::decode::DecoderOptions;
use logbraid_core::inspect;
use napi_derive::napi;

use crate::{Result, usage};

/// Looks at one source.
#[napi]
pub struct Inspector {
    inner: Option<inspect::Inspector>,
}

#[napi]
impl Inspector {
    #[napi(constructor, catch_unwind)]
    pub fn new(options_json: String) -> Result<Self> {
        let options: DecoderOptions = serde_json::from_str(&options_json).map_err(usage)?;
        let inner = inspect::Inspector::new(options)
            .map_err(|error| napi::Error::new("INVALID_OPTION", error.to_string()))?;
        Ok(Self { inner: Some(inner) })
    }

    /// Takes bytes, cut anywhere.
    #[napi(catch_unwind)]
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.inner.as_mut().ok_or_else(finished)?.push(bytes);
        Ok(())
    }

    /// Tells what was found, as JSON; nothing can be pushed any more.
    #[napi(catch_unwind)]
    pub fn finish(&mut self) -> Result<String> {
        let inspection = self.inner.take().ok_or_else(finished)?.finish();
        Ok(serde_json::to_string(&inspection).expect("an inspection is plain data"))
    }
}

fn finished() -> napi::Error<&'static str> {
    usage("the inspector has finished")
}
