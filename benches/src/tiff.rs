//! As much of TIFF as the floor of a load needs: where the blocks of each level lie. Little-endian, tiled, one uint16
//! band, deflate; anything else is refused. It shares no line with the reader that it is the measure of.

use std::error::Error;
use std::fs::File;
use std::os::unix::fs::FileExt;

type Failed = Box<dyn Error>;

/// One resolution of a picture.
#[derive(Debug, Clone)]
pub struct Level {
    /// Rows and columns.
    pub shape: (usize, usize),
    /// Rows and columns of a block.
    pub block: (usize, usize),
    /// Whether rows hold differences (predictor 2).
    pub differences: bool,
    /// Where each block begins and how many bytes it has, row-major; 0 bytes where it is not there.
    pub blocks: Vec<(u64, usize)>,
}

impl Level {
    /// How many blocks stand side by side.
    #[must_use]
    pub fn across(&self) -> usize {
        self.shape.1.div_ceil(self.block.1)
    }
}

/// The levels of a file, full resolution first, masks left out.
///
/// # Errors
/// Where the file cannot be read or is not of the one kind that is known here.
pub fn levels(file: &File) -> Result<Vec<Level>, Failed> {
    let mut head = [0; 16];
    file.read_exact_at(&mut head, 0)?;
    let big = match &head[..4] {
        b"II*\0" => false,
        b"II+\0" => true,
        _ => return Err("not a little-endian TIFF".into()),
    };
    let mut at = if big { word(&head[8..16]) } else { word(&head[4..8]) };
    let mut levels = Vec::new();
    while at != 0 && levels.len() < 64 {
        let (tags, next) = directory(file, at, big)?;
        // Bit 2 of NewSubfileType: a mask.
        if tags.first(254)?.unwrap_or(0) & 4 == 0 {
            levels.push(level(&tags)?);
        }
        at = next;
    }
    Ok(levels)
}

fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
}

/// The tags of one directory: number and values.
struct Tags(Vec<(u64, Vec<u64>)>);

impl Tags {
    fn all(&self, number: u64) -> &[u64] {
        self.0.iter().find(|(n, _)| *n == number).map_or(&[], |(_, values)| values)
    }

    fn first(&self, number: u64) -> Result<Option<usize>, Failed> {
        Ok(self.all(number).first().map(|v| usize::try_from(*v)).transpose()?)
    }
}

fn directory(file: &File, at: u64, big: bool) -> Result<(Tags, u64), Failed> {
    let (count_size, entry_size, inline) = if big { (8, 20, 8) } else { (2, 12, 4) };
    let mut count = vec![0; count_size];
    file.read_exact_at(&mut count, at)?;
    let count = usize::try_from(word(&count))?;
    if count > 1000 {
        return Err("more than a thousand tags".into());
    }
    let mut bytes = vec![0; count * entry_size + inline];
    file.read_exact_at(&mut bytes, at + count_size as u64)?;
    let (entries, next) = bytes.split_at(count * entry_size);
    let mut tags = Vec::new();
    for entry in entries.chunks_exact(entry_size) {
        let size = match word(&entry[2..4]) {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 => 4,
            16 => 8,
            _ => continue,
        };
        let (n, value) = entry[4..].split_at(inline);
        let n = usize::try_from(word(n))?;
        let whole = file.metadata()?.len();
        let bytes = if n.saturating_mul(size) <= inline {
            value[..n * size].to_vec()
        } else if (n as u64).saturating_mul(size as u64) <= whole {
            let mut bytes = vec![0; n * size];
            file.read_exact_at(&mut bytes, word(value))?;
            bytes
        } else {
            return Err("a tag longer than its file".into());
        };
        tags.push((word(&entry[..2]), bytes.chunks_exact(size).map(word).collect()));
    }
    Ok((Tags(tags), word(next)))
}

fn level(tags: &Tags) -> Result<Level, Failed> {
    let need = |number: u64| -> Result<usize, Failed> {
        tags.first(number)?.ok_or_else(|| format!("a picture without tag {number}").into())
    };
    let deflate = matches!(need(259)?, 8 | 32946);
    let plain = need(258)? == 16 && tags.first(277)?.unwrap_or(1) == 1 && tags.first(339)?.unwrap_or(1) == 1;
    let predictor = tags.first(317)?.unwrap_or(1);
    if !deflate || !plain || predictor > 2 {
        return Err("not a picture of one uint16 band with deflate".into());
    }
    let (offsets, counts) = (tags.all(324), tags.all(325));
    let level = Level {
        shape: (need(257)?, need(256)?),
        block: (need(323)?.max(1), need(322)?.max(1)),
        differences: predictor == 2,
        blocks: offsets
            .iter()
            .zip(counts)
            .map(|(o, n)| Ok((*o, usize::try_from(*n)?)))
            .collect::<Result<_, Failed>>()?,
    };
    if level.blocks.len() != level.across() * level.shape.0.div_ceil(level.block.0) {
        return Err("not as many blocks as the shape asks for".into());
    }
    Ok(level)
}
