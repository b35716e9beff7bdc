//! The least that a load can cost: inflate and predictor of the blocks that must be read, and a file of the output's
//! size, on one thread. `scripts/bench-load` prints it beside the load.
//!
//! usage: `floor FILE PRODUCT MEASUREMENTS CRS LEFT,BOTTOM,RIGHT,TOP RESOLUTION MODE [EXPR]`
//!
//! Which blocks must be read is found out before the clock starts, pixel by pixel: those that hold a pixel that the
//! kernel needs for an output pixel which no dataset before filled (the first valid pixel wins). The overview is the one
//! that the plan's explanation names. Writes FILE and removes it. Prints JSON: `wall`, `user`, `sys`, `blocks`,
//! `inflated` and `bytes` (of the output).

use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use cube::{Affine, Config, Datacube, GeoBox, LoadPlan, Resampling, Shape};
use cube_benches::asked::Asked;
use cube_benches::tiff::{Level, levels};
use cube_benches::usage::Moment;
use libdeflater::Decompressor;

type Failed = Box<dyn Error>;

fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (out, words) = words.split_first().ok_or("usage: floor FILE and the words of a load")?;
    let Asked { search, spec, .. } = Asked::from_words(words)?;
    let dc = Datacube::open(&Config::from_env()?)?;
    let plan = dc.plan(&search, &spec)?;
    let needed = needed(&plan, &dc.explain(&search, &spec)?)?;
    let output = plan.output_bytes();

    let started = Moment::now();
    let mut codec = Codec::default();
    for file in &needed {
        let opened = File::open(&file.path)?;
        for &block in &file.blocks {
            codec.read(&opened, &file.level, block)?;
        }
    }
    write(out, output, &codec.pixels)?;
    let took = started.since();
    std::fs::remove_file(out)?;

    let (blocks, inflated) = needed.iter().fold((0, 0), |(blocks, bytes), file| {
        (blocks + file.blocks.len(), bytes + file.blocks.len() * file.level.block.0 * file.level.block.1 * 2)
    });
    println!(
        "{{\"wall\": {:.4}, \"user\": {:.4}, \"sys\": {:.4}, \"blocks\": {blocks}, \"inflated\": {inflated}, \"bytes\": {output}}}",
        took.wall, took.user, took.system
    );
    Ok(())
}

/// A file of `bytes` bytes, written from one buffer again and again.
fn write(out: &str, bytes: u64, from: &[u8]) -> Result<(), Failed> {
    let mut file = File::create(out)?;
    let zeros = vec![0; 1 << 20];
    let from = if from.is_empty() { &zeros } else { from };
    let mut left = bytes;
    while left > 0 {
        let n = usize::try_from(left).map_or(from.len(), |left| left.min(from.len()));
        file.write_all(&from[..n])?;
        left -= n as u64;
    }
    Ok(())
}

/// The blocks of one file that must be read.
struct Needed {
    path: PathBuf,
    level: Level,
    blocks: BTreeSet<usize>,
}

fn needed(plan: &LoadPlan, explanation: &cube::Explanation) -> Result<Vec<Needed>, Failed> {
    // By dataset and measurement.
    let read: HashMap<_, _> =
        explanation.files.iter().map(|f| ((f.dataset, f.measurement.as_str()), f.level)).collect();
    let mut found = Vec::new();
    for (m, measurement) in plan.measurements.iter().enumerate() {
        for plane in 0..plan.planes.len() {
            let mut filled = vec![false; plan.geobox.shape.pixels()];
            for d in plan.datasets_of(plane) {
                let dataset = &plan.datasets[d];
                let Some(&level) = read.get(&(dataset.id, measurement.name.as_str())) else { continue };
                let location = plan.location(d, m, 0).ok_or("a dataset without a file")?;
                let path = PathBuf::from(location.url.strip_prefix("file://").unwrap_or(&location.url));
                let file = File::open(&path).map_err(|e| format!("{}: {e}", path.display()))?;
                let levels = levels(&file).map_err(|e| format!("{}: {e}", path.display()))?;
                let full = levels.first().ok_or("a file without a picture")?.shape;
                let level = levels.get(level).ok_or("fewer overviews than were planned with")?.clone();
                let grid = &plan.grids[plan.layouts[dataset.layout][m].grid];
                let (rows, cols) = level.shape;
                let zoom = Affine::scale(ratio(full.1, cols), ratio(full.0, rows));
                let grid =
                    GeoBox { shape: Shape::new(rows, cols), affine: grid.affine.after(zoom), crs: grid.crs.clone() };
                let nodata = measurement.source_nodata;
                let blocks =
                    blocks_of(&grid, &plan.geobox, measurement.resampling, nodata, &mut filled, &file, &level)?;
                found.push(Needed { path, level, blocks });
            }
        }
    }
    Ok(found)
}

/// The blocks under what one source adds; marks what it fills.
fn blocks_of(
    src: &GeoBox,
    dst: &GeoBox,
    mode: Resampling,
    nodata: Option<f64>,
    filled: &mut [bool],
    file: &File,
    level: &Level,
) -> Result<BTreeSet<usize>, Failed> {
    let relation = cube_geo::relate(src, dst, mode)?;
    let mut blocks = BTreeSet::new();
    let Some((_, window)) = relation.windows(dst.shape.whole()) else { return Ok(blocks) };
    let map = relation.pixel_map(window);
    // How far from its middle a pixel's kernel reaches.
    let scale = relation.scale();
    let half = match mode {
        Resampling::Nearest => (0.0, 0.0),
        mode if mode.is_area() => (scale.0 / 2.0, scale.1 / 2.0),
        mode => (mode.radius() - 0.5, mode.radius() - 0.5),
    };
    let mut codec = Codec::default();
    let mut decoded: HashMap<usize, Vec<u8>> = HashMap::new();
    let (mut xs, mut ys) = (vec![0.0; window.cols], vec![0.0; window.cols]);
    let (rows, cols) = (src.shape.rows, src.shape.cols);
    for row in window.row..window.row_end() {
        map.row(row, window.col..window.col_end(), &mut xs, &mut ys);
        for (i, (&x, &y)) in xs.iter().zip(&ys).enumerate() {
            let at = row * dst.shape.cols + window.col + i;
            let Some((r, c)) = pixel(y, rows).zip(pixel(x, cols)) else { continue };
            if filled[at] {
                continue;
            }
            let first = (clamped(y - half.1, rows) / level.block.0, clamped(x - half.0, cols) / level.block.1);
            let last = (clamped(y + half.1, rows) / level.block.0, clamped(x + half.0, cols) / level.block.1);
            for row in first.0..=last.0 {
                blocks.extend((first.1..=last.1).map(|col| row * level.across() + col));
            }
            let block = r / level.block.0 * level.across() + c / level.block.1;
            let pixels = match decoded.entry(block) {
                std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::hash_map::Entry::Vacant(entry) => {
                    codec.read(file, level, block)?;
                    entry.insert(codec.pixels.clone())
                }
            };
            let k = 2 * (r % level.block.0 * level.block.1 + c % level.block.1);
            let value = u16::from_le_bytes([pixels[k], pixels[k + 1]]);
            filled[at] = nodata != Some(f64::from(value));
        }
    }
    // A block that is not in the file costs nothing.
    blocks.retain(|&block| level.blocks[block].1 > 0);
    Ok(blocks)
}

/// The pixel at a position; `None` outside.
fn pixel(v: f64, n: usize) -> Option<usize> {
    (v >= 0.0 && v < ratio(n, 1)).then(|| clamped(v, n))
}

/// The pixel at a position, or the nearest one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the picture")]
fn clamped(v: f64, n: usize) -> usize {
    v.clamp(0.0, ratio(n.saturating_sub(1), 1)) as usize
}

#[expect(clippy::cast_precision_loss, reason = "pictures are smaller than 2^53 pixels on a side")]
fn ratio(a: usize, b: usize) -> f64 {
    a as f64 / b as f64
}

/// Blocks out of files; its buffers are used again.
struct Codec {
    inflate: Decompressor,
    stored: Vec<u8>,
    pixels: Vec<u8>,
}

impl Default for Codec {
    fn default() -> Self {
        Self { inflate: Decompressor::new(), stored: Vec::new(), pixels: Vec::new() }
    }
}

impl Codec {
    /// One block into `pixels`: read, inflated, differences summed up.
    fn read(&mut self, file: &File, level: &Level, block: usize) -> Result<(), Failed> {
        let (offset, bytes) = *level.blocks.get(block).ok_or("a block that is not there")?;
        let (rows, cols) = level.block;
        self.stored.resize(bytes, 0);
        self.pixels.resize(rows * cols * 2, 0);
        if bytes == 0 {
            self.pixels.fill(0);
            return Ok(());
        }
        file.read_exact_at(&mut self.stored, offset)?;
        self.inflate.zlib_decompress(&self.stored, &mut self.pixels)?;
        if level.differences {
            for row in self.pixels.chunks_exact_mut(cols * 2) {
                let mut before = 0_u16;
                for pixel in row.as_chunks_mut().0 {
                    before = before.wrapping_add(u16::from_le_bytes(*pixel));
                    *pixel = before.to_le_bytes();
                }
            }
        }
        Ok(())
    }
}
