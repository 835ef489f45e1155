//! The record of a round: one file, to which all its processes append.
//!
//! A line is one write to a file that is open for appending, and the operating system puts such writes one after the other.
//! So the order of the lines is an order of time that holds for all processes: what is written after something else was
//! read or written before it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use paidonce_model::history::{Head, Line};

use super::StressError;

/// A record, open for appending.
pub(super) struct Record {
    file: File,
    /// The same file for reading, and what was read of a line that was not whole.
    news: File,
    rest: Vec<u8>,
}

fn io(doing: &'static str) -> impl FnOnce(io::Error) -> StressError {
    move |source| StressError::Io { doing, source }
}

impl Record {
    /// A new record with its head.
    pub(super) fn create(path: &Path, head: &Head) -> Result<Self, StressError> {
        let mut file = OpenOptions::new().append(true).create_new(true).open(path).map_err(io("make the record"))?;
        file.write_all(&serde_json::to_vec(head)?).map_err(io("write the record"))?;
        Self::over(path, file)
    }

    /// A record that is there.
    pub(super) fn open(path: &Path) -> Result<Self, StressError> {
        let file = OpenOptions::new().append(true).open(path).map_err(io("open the record"))?;
        Self::over(path, file)
    }

    fn over(path: &Path, file: File) -> Result<Self, StressError> {
        let mut news = File::open(path).map_err(io("read the record"))?;
        news.seek(SeekFrom::End(0)).map_err(io("read the record"))?;
        Ok(Record { file, news, rest: Vec::new() })
    }

    /// All that stands in a record.
    pub(super) fn text(path: &Path) -> Result<String, StressError> {
        std::fs::read_to_string(path).map_err(io("read the record"))
    }

    /// Append a line.
    ///
    /// The newline comes first: whatever a killed process had begun to write is a line by itself then.
    pub(super) fn write(&mut self, line: &Line) -> Result<(), StressError> {
        let mut bytes = vec![b'\n'];
        serde_json::to_writer(&mut bytes, line)?;
        self.file.write_all(&bytes).map_err(io("write the record"))
    }

    /// The lines that were appended since this was asked last. One that is not whole yet is among the next ones.
    pub(super) fn news(&mut self) -> Result<Vec<Line>, StressError> {
        let before = self.rest.len();
        self.news.read_to_end(&mut self.rest).map_err(io("read the record"))?;
        if self.rest.len() == before {
            return Ok(Vec::new());
        }
        let mut lines = Vec::new();
        let mut read = 0;
        for line in self.rest.split(|byte| *byte == b'\n') {
            let end = read + line.len();
            match serde_json::from_slice(line) {
                Ok(line) => lines.push(line),
                // Its writer is still at it, unless others have written behind it: then it was killed.
                Err(_) if end == self.rest.len() => break,
                Err(_) => {}
            }
            read = (end + 1).min(self.rest.len());
        }
        self.rest.drain(..read);
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_once_it_is_whole_and_a_cut_one_never() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        let write = |bytes: &[u8]| {
            OpenOptions::new().append(true).create(true).open(&path).unwrap().write_all(bytes).unwrap();
        };
        write(b"head");
        let mut record = Record::open(&path).unwrap();
        assert_eq!(record.news().unwrap(), []);
        record.write(&Line::ServerKill).unwrap();
        write(b"\n{\"event\":\"comes\",");
        assert_eq!(record.news().unwrap(), [Line::ServerKill]);
        assert_eq!(record.news().unwrap(), []);
        write(b"\"who\":\"ipn-1\"}");
        assert_eq!(record.news().unwrap(), [Line::Comes { who: "ipn-1".to_owned() }]);
        write(b"\n{\"event\":\"co");
        record.write(&Line::ServerBack).unwrap();
        assert_eq!(record.news().unwrap(), [Line::ServerBack]);
        assert_eq!(record.news().unwrap(), []);
    }
}
