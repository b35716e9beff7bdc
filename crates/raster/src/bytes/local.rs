//! Bytes of a file on disk.

use std::fs::File;
use std::io;
use std::path::Path;

use super::ByteSource;

/// A file on disk, opened once and read from all threads.
pub(crate) struct LocalFile {
    file: File,
    length: u64,
}

impl LocalFile {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }
}

impl ByteSource for LocalFile {
    fn length(&self) -> u64 {
        self.length
    }

    fn gap(&self) -> u64 {
        4096
    }

    #[cfg(unix)]
    fn read(&self, parts: &mut [(u64, &mut [u8])]) -> io::Result<()> {
        use std::os::unix::fs::FileExt;
        parts.iter_mut().try_for_each(|(offset, buffer)| self.file.read_exact_at(buffer, *offset))
    }

    #[cfg(not(unix))]
    fn read(&self, parts: &mut [(u64, &mut [u8])]) -> io::Result<()> {
        use std::io::{Read, Seek, SeekFrom};
        // The position of a file is shared by all who read it: a handle of our own.
        let mut file = self.file.try_clone()?;
        parts.iter_mut().try_for_each(|(offset, buffer)| {
            file.seek(SeekFrom::Start(*offset))?;
            file.read_exact(buffer)
        })
    }
}
