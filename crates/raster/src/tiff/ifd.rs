//! Directories of a TIFF: the tags of its images. TIFF 6.0 (Adobe, 1992) and BigTIFF.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::Refusal;
use super::budget::{Budget, MOST_BYTES_KEPT};
use crate::bytes::ByteSource;

/// What is read of a file at first; most COGs have all their directories in it.
const HEAD: u64 = 32 * 1024;
/// What is read at least where a directory lies elsewhere.
const PAGE: u64 = 4096;
/// Directories that are followed. Files of more pages than this are series, not images.
const MOST_DIRECTORIES: usize = 2048;
/// Tags of one directory.
const MOST_TAGS: u64 = 4096;
/// Bytes of a text or of a table of parameters.
const MOST_VALUE_BYTES: u64 = 4 << 20;
/// Tags of all directories together.
const MOST_TAGS_OF_FILE: u64 = 100_000;
/// Pages larger than this do not stay beside others.
const LARGE_PAGE: usize = 64 << 10;
/// Places of blocks, as they are kept, that are taken from pages which were read anyway: all that can stand in the first
/// one. Those of other levels are read when the level is.
const MOST_BYTES_LOADED: u64 = 16 * HEAD;

/// Byte order and size of offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) big_endian: bool,
    pub(super) big_tiff: bool,
}

impl Format {
    pub(super) fn u16(self, b: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) }
    }

    pub(super) fn u32(self, b: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) }
    }

    pub(super) fn u64(self, b: [u8; 8]) -> u64 {
        if self.big_endian { u64::from_be_bytes(b) } else { u64::from_le_bytes(b) }
    }

    /// Whole numbers of 1, 2, 4 or 8 bytes.
    pub(super) fn integers(self, bytes: &[u8], each: usize) -> Vec<u64> {
        match each {
            1 => bytes.iter().map(|b| u64::from(*b)).collect(),
            2 => bytes.as_chunks().0.iter().map(|b| u64::from(self.u16(*b))).collect(),
            4 => bytes.as_chunks().0.iter().map(|b| u64::from(self.u32(*b))).collect(),
            _ => bytes.as_chunks().0.iter().map(|b| self.u64(*b)).collect(),
        }
    }
}

/// Where the values of a tag are.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    kind: u16,
    /// How many values there are.
    pub(super) count: u64,
    /// Offset of the first byte of the values in the file.
    offset: u64,
}

impl Entry {
    /// Bytes of one value; 0 for a kind that TIFF does not have.
    fn each(&self) -> u64 {
        match self.kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16 | 17 | 18 => 8,
            _ => 0,
        }
    }
}

/// An array of whole numbers in the file that is read when it is needed: offsets and byte counts of tiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredArray {
    pub(super) offset: u64,
    pub(super) each: usize,
    pub(super) count: u64,
}

impl StoredArray {
    /// Bytes of all its values in memory.
    pub(super) fn kept_bytes(&self) -> u64 {
        self.count.saturating_mul(8)
    }

    /// The bytes of some of its values.
    pub(super) fn range(&self, values: Range<u64>) -> Range<u64> {
        let each = self.each as u64;
        self.offset + values.start * each..self.offset + values.end * each
    }
}

/// The tags of one image.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Directory {
    entries: BTreeMap<u16, Entry>,
}

/// Reads the header: pages of the file that were read already, and how much was kept.
pub(super) struct HeaderReader<'s> {
    source: &'s dyn ByteSource,
    pub(super) format: Format,
    pages: Vec<(u64, Vec<u8>)>,
    /// Shared by all that is kept of the file.
    pub(super) budget: Budget,
    loaded: u64,
    tags: u64,
}

impl<'s> HeaderReader<'s> {
    /// Reads the first bytes; `None` where they are not those of a TIFF.
    pub(super) fn begin(source: &'s dyn ByteSource) -> Result<Option<(Self, u64)>, Refusal> {
        let mut reader = Self {
            source,
            format: Format { big_endian: false, big_tiff: false },
            pages: Vec::new(),
            budget: Budget::new(),
            loaded: 0,
            tags: 0,
        };
        let head = reader.bytes(0..source.length().min(HEAD)).map_err(|refusal| match refusal {
            Refusal::Broken(_) => Refusal::broken("it cannot be read from the disk"),
            other => other,
        })?;
        let big_endian = match head.get(..2) {
            Some(b"II") => false,
            Some(b"MM") => true,
            _ => return Ok(None),
        };
        let short = || Refusal::broken(format!("it ends after {} bytes, within its header", source.length()));
        let format = Format { big_endian, big_tiff: false };
        let head: [u8; 8] = head.get(..8).and_then(|h| h.try_into().ok()).ok_or_else(short)?;
        let [_, _, version @ .., o0, o1, o2, o3] = head;
        let (format, first) = match format.u16(version) {
            42 => (format, u64::from(format.u32([o0, o1, o2, o3]))),
            43 => {
                if (format.u16([o0, o1]), format.u16([o2, o3])) != (8, 0) {
                    return Err(Refusal::broken("its BigTIFF header tells no offsets of 8 bytes"));
                }
                let offset = reader.array(8).map_err(|_| short())?;
                (Format { big_tiff: true, ..format }, format.u64(offset))
            }
            _ => return Ok(None),
        };
        reader.format = format;
        Ok(Some((reader, first)))
    }

    /// Bytes of the file, from a page that is there already or a new one.
    fn bytes(&mut self, range: Range<u64>) -> Result<&[u8], Refusal> {
        if range.start > range.end || range.end > self.source.length() {
            return Err(Refusal::broken(format!(
                "bytes {}..{} of its header lie past its end at {}",
                range.start,
                range.end,
                self.source.length()
            )));
        }
        let within = |(start, page): &(u64, Vec<u8>)| *start <= range.start && range.end <= start + page.len() as u64;
        let found = if let Some(found) = self.pages.iter().position(within) {
            found
        } else {
            let least = if self.source.is_far() { HEAD } else { PAGE };
            let end = range.end.max(range.start.saturating_add(least)).min(self.source.length());
            let length = usize::try_from(end - range.start).map_err(|_| Refusal::broken("a tag is too large"))?;
            let mut page = vec![0; length];
            self.source.read(&mut [(range.start, page.as_mut_slice())])?;
            // Chains of thousands of directories do not keep thousands of pages; the first one stays.
            if self.pages.len() > 16 || length > LARGE_PAGE {
                self.pages.truncate(1);
            }
            self.pages.push((range.start, page));
            self.pages.len() - 1
        };
        let missing = || Refusal::broken("its header cannot be read");
        let (start, page) = self.pages.get(found).ok_or_else(missing)?;
        let at = |offset: u64| usize::try_from(offset - start).map_err(|_| missing());
        page.get(at(range.start)?..at(range.end)?).ok_or_else(missing)
    }

    fn array<const N: usize>(&mut self, offset: u64) -> Result<[u8; N], Refusal> {
        let end = offset.checked_add(N as u64).ok_or_else(|| Refusal::broken("an offset in it lies past its end"))?;
        self.bytes(offset..end)?.try_into().map_err(|_| Refusal::broken("its header cannot be read"))
    }

    /// The directories of the chain that begins at `first`.
    pub(super) fn directories(&mut self, first: u64) -> Result<Vec<Directory>, Refusal> {
        let (mut seen, mut found) = (HashSet::new(), Vec::new());
        let mut offset = first;
        while offset != 0 {
            if !seen.insert(offset) {
                return Err(Refusal::broken(format!(
                    "its directories are a loop: the one at byte {offset} comes again"
                )));
            }
            if found.len() == MOST_DIRECTORIES {
                return Err(Refusal::broken(format!("it has more than {MOST_DIRECTORIES} directories")));
            }
            let (directory, next) = self.directory(offset)?;
            found.push(directory);
            offset = next;
        }
        if found.is_empty() {
            return Err(Refusal::broken("it has no directory"));
        }
        Ok(found)
    }

    fn directory(&mut self, offset: u64) -> Result<(Directory, u64), Refusal> {
        let format = self.format;
        let (count, head, each, word) = if format.big_tiff {
            (format.u64(self.array(offset)?), 8, 20, 8)
        } else {
            (u64::from(format.u16(self.array(offset)?)), 2, 12, 4)
        };
        if count == 0 || count > MOST_TAGS {
            return Err(Refusal::broken(format!("the directory at byte {offset} claims {count} tags")));
        }
        self.tags += count;
        if self.tags > MOST_TAGS_OF_FILE {
            return Err(Refusal::broken(format!("its directories have more than {MOST_TAGS_OF_FILE} tags together")));
        }
        let begin = offset + head;
        let length = count * each + word;
        let end = begin.checked_add(length).ok_or_else(|| Refusal::broken("a directory lies past its end"))?;
        let bytes = self.bytes(begin..end)?;
        let (table, next) = bytes.split_at(bytes.len().saturating_sub(if format.big_tiff { 8 } else { 4 }));
        let number = |bytes: &[u8]| format.integers(bytes, bytes.len()).first().copied().unwrap_or(0);
        let next = number(next);
        let mut entries = BTreeMap::new();
        for (i, entry) in (0_u64..).zip(table.chunks_exact(if format.big_tiff { 20 } else { 12 })) {
            let (tag, rest) = entry.split_at(2);
            let (kind, rest) = rest.split_at(2);
            let (count, value) = rest.split_at(if format.big_tiff { 8 } else { 4 });
            let (Ok(tag), Ok(kind)) = (u16::try_from(number(tag)), u16::try_from(number(kind))) else { continue };
            let count = number(count);
            let mut found = Entry { kind, count, offset: 0 };
            let size = u128::from(found.each()) * u128::from(count);
            found.offset = if size <= u128::from(word) { begin + i * each + (each - word) } else { number(value) };
            // Only tags that are read can break a file: they are checked when they are asked for.
            entries.entry(tag).or_insert(found);
        }
        Ok((Directory { entries }, next))
    }

    /// The bytes of the first `most` values of a tag, each of which takes `kept` bytes in memory.
    fn value(&mut self, tag: u16, entry: &Entry, most: u64, kept: u64) -> Result<&[u8], Refusal> {
        let count = entry.count.min(most);
        let size = u128::from(entry.each()) * u128::from(count);
        if size > u128::from(MOST_VALUE_BYTES) {
            return Err(Refusal::broken(format!("tag {tag} claims {} values", entry.count)));
        }
        if !self.budget.take(count.saturating_mul(kept)) {
            return Err(Refusal::broken(format!(
                "its tags have more than {MOST_BYTES_KEPT} bytes together: write it again with less beside the pixels"
            )));
        }
        let past = || Refusal::broken(format!("the values of tag {tag} lie past its end"));
        let size = u64::try_from(size).map_err(|_| past())?;
        let end = entry.offset.checked_add(size).filter(|end| *end <= self.source.length()).ok_or_else(past)?;
        self.bytes(entry.offset..end)
    }

    /// The bytes of a tag (texts, tables of a codec).
    pub(super) fn raw(&mut self, directory: &Directory, tag: u16) -> Result<Option<Vec<u8>>, Refusal> {
        let Some(entry) = directory.entries.get(&tag) else { return Ok(None) };
        self.value(tag, entry, u64::MAX, entry.each()).map(|bytes| Some(bytes.to_vec()))
    }

    /// The text of a tag, up to its first zero.
    pub(super) fn text(&mut self, directory: &Directory, tag: u16) -> Result<Option<String>, Refusal> {
        let Some(bytes) = self.raw(directory, tag)? else { return Ok(None) };
        let text = bytes.split(|b| *b == 0).next().unwrap_or_default();
        Ok(Some(String::from_utf8_lossy(text).into_owned()))
    }

    /// The first `most` whole numbers of a tag.
    pub(super) fn integers(
        &mut self,
        directory: &Directory,
        tag: u16,
        most: usize,
    ) -> Result<Option<Vec<u64>>, Refusal> {
        let Some(entry) = directory.entries.get(&tag) else { return Ok(None) };
        let each = match entry.kind {
            1 => 1,
            3 => 2,
            4 | 13 => 4,
            16 | 18 => 8,
            kind => return Err(Refusal::broken(format!("tag {tag} is of kind {kind}, expected whole numbers"))),
        };
        let format = self.format;
        self.value(tag, entry, most as u64, 8).map(|bytes| Some(format.integers(bytes, each)))
    }

    /// The first whole number of a tag.
    pub(super) fn integer(&mut self, directory: &Directory, tag: u16) -> Result<Option<u64>, Refusal> {
        Ok(self.integers(directory, tag, 1)?.and_then(|all| all.first().copied()))
    }

    /// The floats of a tag.
    pub(super) fn floats(&mut self, directory: &Directory, tag: u16) -> Result<Option<Vec<f64>>, Refusal> {
        let Some(entry) = directory.entries.get(&tag) else { return Ok(None) };
        let (format, kind) = (self.format, entry.kind);
        let bytes = self.value(tag, entry, u64::MAX, 8)?;
        match kind {
            11 => Ok(Some(bytes.as_chunks().0.iter().map(|b| f64::from(f32::from_bits(format.u32(*b)))).collect())),
            12 => Ok(Some(bytes.as_chunks().0.iter().map(|b| f64::from_bits(format.u64(*b))).collect())),
            _ => Err(Refusal::broken(format!("tag {tag} is of kind {kind}, expected floats"))),
        }
    }

    /// Where an array of whole numbers is, checked against the file's length and the number of values it must have.
    pub(super) fn stored(&self, directory: &Directory, tag: u16, needs: u64) -> Result<StoredArray, Refusal> {
        let entry = directory.entries.get(&tag).ok_or_else(|| Refusal::broken(format!("it has no tag {tag}")))?;
        let each = match entry.kind {
            3 => 2,
            4 | 13 => 4,
            16 | 18 => 8,
            kind => return Err(Refusal::broken(format!("tag {tag} is of kind {kind}, expected whole numbers"))),
        };
        if entry.count < needs {
            return Err(Refusal::broken(format!(
                "its size and blocks ask for {needs} of them, tag {tag} has {}",
                entry.count
            )));
        }
        let end = u128::from(entry.offset) + u128::from(needs) * each as u128;
        if end > u128::from(self.source.length()) {
            return Err(Refusal::broken(format!("the values of tag {tag} lie past its end")));
        }
        Ok(StoredArray { offset: entry.offset, each, count: needs })
    }

    /// The values of two stored arrays of the same length that pages which were read already hold. They are taken from
    /// the budget.
    pub(super) fn loaded(&mut self, first: &StoredArray, second: &StoredArray) -> Option<(Vec<u64>, Vec<u64>)> {
        let bytes = first.kept_bytes().saturating_add(second.kept_bytes());
        let loaded = self.loaded.saturating_add(bytes);
        if loaded > MOST_BYTES_LOADED {
            return None;
        }
        let both = (self.in_pages(first)?, self.in_pages(second)?);
        self.loaded = loaded;
        self.budget.take(bytes).then_some(both)
    }

    fn in_pages(&self, array: &StoredArray) -> Option<Vec<u64>> {
        let range = array.range(0..array.count);
        let (start, page) =
            self.pages.iter().find(|(start, page)| *start <= range.start && range.end <= start + page.len() as u64)?;
        let at = |offset: u64| usize::try_from(offset - start).ok();
        Some(self.format.integers(page.get(at(range.start)?..at(range.end)?)?, array.each))
    }
}

impl Directory {
    /// True where the directory has the tag.
    pub(super) fn has(&self, tag: u16) -> bool {
        self.entries.contains_key(&tag)
    }
}
