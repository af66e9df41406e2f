//! Files that the addon reads itself, in large blocks. The engine says which may be read, so
//! several files are merged by time in memory for the window and one block per file.

use std::fs::File;
use std::io::{self, Read};

use logbraid_core::engine::Correlator;
use logbraid_core::id::SourceId;

/// Bytes per read: large enough that the system call does not count, small enough that a block of
/// every file fits into the cache.
const BLOCK: usize = 256 << 10;

/// A file that could not be read.
#[derive(Debug)]
pub struct FileError {
    path: String,
    error: io::Error,
}

/// As an exception that names the file.
pub fn fail(error: FileError) -> napi::Error<&'static str> {
    napi::Error::new("SOURCE_ERROR", format!("{}: {}", error.path, error.error))
}

#[derive(Debug)]
struct Attached {
    source: SourceId,
    path: String,
    file: File,
}

/// The attached files that have not ended.
#[derive(Debug, Default)]
pub struct Files {
    attached: Vec<Attached>,
    block: Vec<u8>,
}

impl Files {
    /// Opens a file for a source.
    pub fn attach(&mut self, source: SourceId, path: String) -> Result<(), FileError> {
        let file = open(&path)?;
        self.attached.push(Attached { source, path, file });
        Ok(())
    }

    /// Whether a file has not ended.
    pub fn pending(&self) -> bool {
        !self.attached.is_empty()
    }

    /// Reads about `max` bytes of the files that may be read. Returns how many it has read.
    pub fn read(&mut self, engine: &mut Correlator, max: usize) -> Result<usize, FileError> {
        self.block.resize(BLOCK, 0);
        let mut read = 0;
        while read < max && !engine.has_ended() {
            let mut attached = self.attached.iter();
            let Some(at) = attached.position(|file| !engine.is_paused(file.source)) else { break };
            let Attached { source, path, file } = &mut self.attached[at];
            match file.read(&mut self.block) {
                Ok(0) => {
                    engine.close(*source);
                    self.attached.remove(at);
                }
                Ok(length) => {
                    engine.push(*source, &self.block[..length]);
                    read += length;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FileError { path: path.clone(), error }),
            }
        }
        Ok(read)
    }
}

/// Opens a file; a directory is refused here, with words, since reading it fails without.
pub fn open(path: &str) -> Result<File, FileError> {
    let named = |error| FileError { path: path.to_owned(), error };
    let file = File::open(path).map_err(named)?;
    if file.metadata().map_err(named)?.is_dir() {
        return Err(named(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    Ok(file)
}
