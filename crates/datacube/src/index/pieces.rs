//! The reading stage: a thread of its own that reads sources in their order and hands their texts on in pieces.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use rayon::prelude::*;

use super::reading::{Broken, SourceText, read_source};
use super::sources::Source;
use super::stac::Elsewhere;
use crate::Error;

/// Texts that go through a stage together: enough that a question to the database is shared by many, few enough that
/// the stages overlap.
const TEXTS: usize = 2_000;
/// A piece with more bytes than this is full. One text may be larger.
const BYTES: usize = 4 << 20;
/// Pieces that wait between two stages.
pub(super) const WAITING: usize = 1;
/// Files that are read at once, on all threads: storage that is far away answers many as fast as one.
const FILES: usize = 256;
/// Bytes that files read at once may have together, unless one has more.
const FILE_BYTES: u64 = 32 << 20;
/// The most that gzip packs into one byte.
const PACKED: u64 = 1032;

/// One thing that came from a source.
pub(super) enum Item {
    Text(SourceText),
    /// A raster whose documents are still to be made.
    Raster(PathBuf),
    Broken(Broken),
}

/// Items that follow each other in the input.
#[derive(Default)]
pub(super) struct Piece {
    /// How many items came before.
    pub(super) first: u64,
    pub(super) items: Vec<Item>,
    /// How many bytes of all sources were read when it was full.
    pub(super) read: u64,
}

/// The reading thread's own.
pub(super) struct PieceReader {
    sources: Vec<Source>,
    elsewhere: Elsewhere,
    pool: Arc<rayon::ThreadPool>,
    pieces: mpsc::SyncSender<Piece>,
    bytes: Arc<AtomicU64>,
    piece: Piece,
    size: usize,
}

impl PieceReader {
    pub(super) fn new(
        sources: Vec<Source>,
        elsewhere: Elsewhere,
        pool: Arc<rayon::ThreadPool>,
        pieces: mpsc::SyncSender<Piece>,
    ) -> Self {
        Self { sources, elsewhere, pool, pieces, bytes: Arc::default(), piece: Piece::default(), size: 0 }
    }

    /// Reads until the end, or until nobody takes pieces any more.
    pub(super) fn run(mut self) {
        let sources = std::mem::take(&mut self.sources);
        let kind = |source: &Source| (source.holds_many(), matches!(source, Source::Raster(_)));
        let runs = sources.chunk_by(|a, b| kind(a) == kind(b));
        let mut read = ControlFlow::Continue(());
        for run in runs {
            read = match kind(&run[0]) {
                (true, _) => run.iter().try_for_each(|source| self.stream(source)),
                (_, true) => run.iter().try_for_each(|source| self.raster(source)),
                _ => self.all_files(run),
            };
            if read.is_break() {
                break;
            }
        }
        if read.is_continue() {
            let _ = self.send();
        }
    }

    fn stream(&mut self, source: &Source) -> ControlFlow<()> {
        let bytes = Arc::clone(&self.bytes);
        let mut stopped = false;
        let elsewhere = std::mem::take(&mut self.elsewhere);
        let mut take = |read: Result<SourceText, Broken>| {
            let taken = self.take(read.map_or_else(Item::Broken, Item::Text));
            stopped = taken.is_break();
            taken
        };
        let read = match source {
            Source::Url(url) => elsewhere.read_url(url, &bytes, &mut take),
            Source::Catalog(path) => elsewhere.read_catalog(path, &bytes, &mut take),
            other => read_source(other, &bytes, &mut take),
        };
        self.elsewhere = elsewhere;
        match read {
            _ if stopped => ControlFlow::Break(()),
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => self.take(broken(source, error)),
        }
    }

    fn raster(&mut self, source: &Source) -> ControlFlow<()> {
        let Source::Raster(path) = source else { return ControlFlow::Continue(()) };
        self.take(Item::Raster(path.clone()))
    }

    /// Reads files of one text each, as many at once as memory allows whatever is packed in them.
    fn all_files(&mut self, mut files: &[Source]) -> ControlFlow<()> {
        while !files.is_empty() {
            let mut size = 0;
            let unpacked = |source: &Source| source.size().unwrap_or(0) * if source.is_gzipped() { PACKED } else { 1 };
            let fits = files.iter().take(FILES).take_while(|source| {
                size += unpacked(source);
                size <= FILE_BYTES
            });
            let (now, later) = files.split_at(fits.count().max(1));
            self.files(now)?;
            files = later;
        }
        ControlFlow::Continue(())
    }

    /// Reads files of one text each on all threads.
    fn files(&mut self, files: &[Source]) -> ControlFlow<()> {
        let bytes = &self.bytes;
        let read = |source: &Source| {
            let mut items = Vec::with_capacity(1);
            let read = read_source(source, bytes, &mut |read| {
                items.push(read.map_or_else(Item::Broken, Item::Text));
                ControlFlow::Continue(())
            });
            items.extend(read.err().map(|error| broken(source, error)));
            items
        };
        let items: Vec<Vec<Item>> = self.pool.install(|| files.par_iter().with_min_len(8).map(read).collect());
        items.into_iter().flatten().try_for_each(|item| self.take(item))
    }

    fn take(&mut self, item: Item) -> ControlFlow<()> {
        if let Item::Text(text) = &item {
            self.size += text.text.len();
        }
        self.piece.items.push(item);
        if self.piece.items.len() >= TEXTS || self.size >= BYTES { self.send() } else { ControlFlow::Continue(()) }
    }

    fn send(&mut self) -> ControlFlow<()> {
        let first = self.piece.first + self.piece.items.len() as u64;
        let mut piece = std::mem::replace(&mut self.piece, Piece { first, ..Piece::default() });
        self.size = 0;
        if piece.items.is_empty() {
            return ControlFlow::Continue(());
        }
        piece.read = self.bytes.load(Ordering::Relaxed);
        if self.pieces.send(piece).is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

fn broken(source: &Source, error: Error) -> Item {
    Item::Broken(Broken { place: source.name(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(sources: Vec<Source>) -> Vec<Piece> {
        let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap());
        let (sender, pieces) = mpsc::sync_channel(100);
        PieceReader::new(sources, Elsewhere::default(), pool, sender).run();
        pieces.into_iter().collect()
    }

    #[test]
    fn items_come_in_the_order_of_the_input_whatever_their_source() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: String, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            Source::Documents(path)
        };
        let mut sources: Vec<Source> = (0..700).map(|n| write(format!("{n}.yaml"), &format!("n: {n}\n"))).collect();
        sources.push(Source::Documents(dir.path().join("missing.yaml")));
        let lines = (701..6000).map(|n| format!("n: {n}")).collect::<Vec<_>>().join("\n");
        sources.push(write("lines.ndjson".to_owned(), &lines));
        sources.push(Source::Raster(dir.path().join("a.tif")));
        sources.push(write("last.yaml.gz".to_owned(), "not packed"));
        let mut number = 0;
        let mut read = 0;
        for piece in pieces(sources) {
            assert_eq!(piece.first, number);
            assert!(piece.items.len() <= TEXTS && piece.read >= read);
            read = piece.read;
            for item in piece.items {
                match item {
                    Item::Text(text) => assert_eq!(text.text.trim_end(), format!("n: {number}")),
                    Item::Broken(broken) => assert!(
                        number == 700 && broken.place.ends_with("missing.yaml")
                            || number == 6001 && broken.place.ends_with("last.yaml.gz"),
                        "{number}: {}",
                        broken.place
                    ),
                    Item::Raster(_) => assert_eq!(number, 6000),
                }
                number += 1;
            }
        }
        assert_eq!(number, 6002);
    }

    #[test]
    fn nobody_who_takes_pieces_ends_the_reading() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.ndjson");
        std::fs::write(&path, "{}\n".repeat(100_000)).unwrap();
        let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap());
        let (sender, pieces) = mpsc::sync_channel(1);
        let reader = PieceReader::new(vec![Source::Documents(path)], Elsewhere::default(), pool, sender);
        let bytes = Arc::clone(&reader.bytes);
        drop(pieces);
        reader.run();
        assert!(bytes.load(Ordering::Relaxed) < 300_000);
    }
}
