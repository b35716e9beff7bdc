//! TIFFs made up tag by tag, for tests: right ones, and ones that no writer would write.

/// A tag: its number, kind and the bytes of its values.
type Tag = (u16, u16, Vec<u8>);

/// One file of one or more directories, little-endian.
#[derive(Clone)]
pub(crate) struct Tiff {
    pub(crate) directories: Vec<Vec<Tag>>,
    /// Bytes that lie behind the header, at offset 8 (16 in `BigTIFF`).
    pub(crate) data: Vec<u8>,
    pub(crate) big: bool,
    /// Where the last directory leads to.
    pub(crate) next: u64,
}

impl Tiff {
    /// Where the data begin.
    pub(crate) fn data_at(&self) -> u32 {
        if self.big { 16 } else { 8 }
    }

    /// An image of 4 × 6 bytes, 0 to 23, in one strip.
    pub(crate) fn small() -> Self {
        let mut tiff = Self { directories: vec![Vec::new()], data: (0..24).collect(), big: false, next: 0 };
        for (tag, value) in [(256, 6), (257, 4), (258, 8), (259, 1), (262, 1), (277, 1), (278, 4), (339, 1)] {
            tiff.short(tag, value);
        }
        tiff.long(273, 8);
        tiff.long(279, 24);
        tiff
    }

    /// An image of `size` × `size` pixels of 16 bits in tiles, all of which are the same packed bytes.
    pub(crate) fn tiled(size: u32, tile: u32, codec: u16, packed: &[u8]) -> Self {
        let mut tiff = Self { directories: vec![Vec::new()], data: packed.to_vec(), big: false, next: 0 };
        for (tag, value) in [(258, 16), (259, codec), (262, 1), (277, 1), (339, 1)] {
            tiff.short(tag, value);
        }
        for (tag, value) in [(256, size), (257, size), (322, tile), (323, tile)] {
            tiff.long(tag, value);
        }
        let count = size.div_ceil(tile).pow(2) as usize;
        tiff.longs(324, &vec![8; count]);
        tiff.longs(325, &vec![u32::try_from(packed.len()).unwrap(); count]);
        tiff
    }

    pub(crate) fn short(&mut self, tag: u16, value: u16) -> &mut Self {
        self.set(tag, 3, value.to_le_bytes().to_vec())
    }

    pub(crate) fn long(&mut self, tag: u16, value: u32) -> &mut Self {
        self.longs(tag, &[value])
    }

    pub(crate) fn longs(&mut self, tag: u16, values: &[u32]) -> &mut Self {
        self.set(tag, 4, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    pub(crate) fn set(&mut self, tag: u16, kind: u16, bytes: Vec<u8>) -> &mut Self {
        let directory = self.directories.last_mut().unwrap();
        directory.retain(|(there, ..)| *there != tag);
        directory.push((tag, kind, bytes));
        self
    }

    fn word(&self, value: u64) -> Vec<u8> {
        if self.big { value.to_le_bytes().to_vec() } else { u32::try_from(value).unwrap().to_le_bytes().to_vec() }
    }

    /// The file: header, data, and each directory with its values behind it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let word = if self.big { 8 } else { 4 };
        let mut file = if self.big { b"II+\0\x08\0\0\0".to_vec() } else { b"II*\0".to_vec() };
        file.extend(self.word(u64::from(self.data_at()) + self.data.len() as u64));
        file.extend(&self.data);
        for (i, tags) in self.directories.iter().enumerate() {
            let mut tags = tags.clone();
            tags.sort_by_key(|(tag, ..)| *tag);
            let head = if self.big { 8 } else { 2 };
            let values_at = file.len() + head + tags.len() * (4 + 2 * word) + word;
            let mut values: Vec<u8> = Vec::new();
            let count = tags.len() as u64;
            file.extend(if self.big { count.to_le_bytes().to_vec() } else { count.to_le_bytes()[..2].to_vec() });
            for (tag, kind, bytes) in tags {
                let each = match kind {
                    3 => 2,
                    4 => 4,
                    12 | 16 => 8,
                    _ => 1,
                };
                file.extend(tag.to_le_bytes());
                file.extend(kind.to_le_bytes());
                file.extend(self.word((bytes.len() / each) as u64));
                if bytes.len() <= word {
                    file.extend(&bytes);
                    file.extend(vec![0; word - bytes.len()]);
                } else {
                    file.extend(self.word((values_at + values.len()) as u64));
                    values.extend(&bytes);
                }
            }
            let last = i + 1 == self.directories.len();
            file.extend(self.word(if last { self.next } else { (values_at + values.len()) as u64 }));
            file.extend(values);
        }
        file
    }
}
