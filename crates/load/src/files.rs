//! The files of a load: opened once a thread, checked against their documents, closed when done with.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use cube_geo::{
    GeoBox, Healpix, Interpolation, OverlapKind, PixelMap, Relation, Resampling, Shape, Transform, Window, relate,
};
use cube_model::{DataType, Pixels};
use cube_raster::{Access, OpenFiles, Raster, RasterError, RasterHeader, RasterLocation};
use jiff::Timestamp;

use crate::blocks::{BlockStore, block_shape};
use crate::convert::{Block, Conversion};
use crate::fill::edge_steps;
use crate::plan::Chunk;
use crate::warp::Sample;
use crate::{Geometry, LoadError, LoadPlan};

/// Times that differ by less are the same: files count in units of their own.
const SAME_TIME_MS: i64 = 500;
/// Corners of two grids that are nearer than this (in pixels) are the same.
const SAME_PIXEL: f64 = 1e-3;

/// One plane of one file that a load needs.
pub(crate) struct SourceFile {
    /// Its place in the list of files, for the block store.
    pub(crate) index: usize,
    /// Index of the dataset in the plan.
    pub(crate) dataset: usize,
    /// Index of the measurement in the plan.
    pub(crate) measurement: usize,
    /// Where it is.
    pub(crate) location: RasterLocation,
    /// How many chunks still need it.
    chunks_left: AtomicUsize,
    opened: OnceLock<Arc<Opened>>,
    idle: Mutex<Vec<Box<dyn Raster>>>,
    /// Blocks of a far file that it was told to fetch.
    told: Mutex<HashSet<(usize, usize)>>,
    /// Shared by all planes of a load: a GeoTIFF is opened once, and what GDAL reads once a thread, however many planes
    /// it holds.
    files: Arc<OpenFiles>,
}

/// What is decided when a file is opened.
#[derive(Debug)]
pub(crate) struct Opened {
    /// What the file says.
    pub(crate) header: RasterHeader,
    /// The overview level that is read; 0 is full resolution.
    pub(crate) level: usize,
    /// Rows and columns of the level.
    pub(crate) shape: Shape,
    /// Rows and columns of our blocks of it.
    pub(crate) block: Shape,
    /// Pixels of the level for one of full resolution, along columns and rows; 1 at level 0.
    pub(crate) factor: (f64, f64),
    /// What happens to its pixels on the way in.
    pub(crate) conversion: Conversion,
    /// How its pixels get to the output grid.
    pub(crate) way: Way,
}

/// From a level of a source to the output grid.
#[derive(Debug)]
pub(crate) enum Way {
    /// Copied: pixel `i` of the output is pixel `i·shrink + shrink/2` of the level, plus the offset.
    Paste { col: i64, row: i64, shrink: u32 },
    /// Resampled on this map, which leads to pixels of the level itself.
    Linear(PixelMap),
    /// Resampled on the map of the source's grid, times [`Opened::factor`].
    Warp,
    /// Taken from cells of HEALPix.
    Cells(CellWay),
}

/// How cells become pixels of the output.
#[derive(Debug)]
pub(crate) struct CellWay {
    pub(crate) cells: Healpix,
    /// Weights between cells, for bilinear.
    pub(crate) interpolation: Option<Interpolation>,
    /// Straight lines that stand for an edge of a pixel, for average.
    pub(crate) steps: usize,
}

/// A block, and the bytes that it takes.
type Weighed<T> = (Block<T>, usize);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SourceFile {
    pub(crate) fn new(
        index: usize,
        dataset: usize,
        measurement: usize,
        location: RasterLocation,
        files: Arc<OpenFiles>,
    ) -> Self {
        Self {
            index,
            dataset,
            measurement,
            location,
            chunks_left: AtomicUsize::new(0),
            opened: OnceLock::new(),
            idle: Mutex::default(),
            told: Mutex::default(),
            files,
        }
    }

    /// The file's header and what follows from it; opens the file the first time.
    pub(crate) fn opened(&self, geometry: &Geometry<'_>, plan: &LoadPlan) -> Result<Arc<Opened>, LoadError> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened.clone());
        }
        let raster = self.files.open(&self.location).map_err(|e| self.raster_error(plan, e))?;
        let opened = Arc::new(self.decide(raster.header().clone(), geometry, plan)?);
        lock(&self.idle).push(raster);
        Ok(self.opened.get_or_init(|| opened).clone())
    }

    fn decide(&self, header: RasterHeader, geometry: &Geometry<'_>, plan: &LoadPlan) -> Result<Opened, LoadError> {
        let no_plan = || LoadError::BadPlan { reason: "a file of it belongs to no measurement".to_owned() };
        let source = plan.source(self.dataset, self.measurement).ok_or_else(no_plan)?;
        let (grid, measurement) =
            plan.grids.get(source.grid).zip(plan.measurements.get(self.measurement)).ok_or_else(no_plan)?;
        let relation = geometry.relation(source.grid, measurement.resampling).ok_or_else(no_plan)?;
        self.check_grid(&header, grid, plan.healpix.get(&source.grid).copied(), plan)?;
        self.check_time(&header, plan)?;
        if let Some((scale, offset)) = header.scale_offset.filter(|said| source.scale.is_none() && *said != (1.0, 0.0))
        {
            let (dataset, measurement) = self.names(plan);
            let location = Box::new(self.location.clone());
            return Err(LoadError::ScaleNotInDocument { dataset, measurement, location, scale, offset });
        }
        let cells = plan.healpix.get(&source.grid).copied();
        let resampling = measurement.resampling;
        let level = if cells.is_some() { 0 } else { level_for(relation.shrink(), &header, resampling) };
        let shape = if level == 0 { header.shape } else { header.overviews[level - 1] };
        let factor = (ratio(shape.cols, header.shape.cols), ratio(shape.rows, header.shape.rows));
        let way = match cells {
            Some(cells) => Way::Cells(CellWay {
                cells,
                interpolation: (resampling == Resampling::Bilinear).then(|| Interpolation::new(cells)),
                steps: match (resampling, relation.linear()) {
                    (Resampling::Average, None) => edge_steps(relation.transform(), plan.geobox.shape, cells),
                    _ => 1,
                },
            }),
            None => way(relation, level, shape, factor, grid, plan, resampling)?,
        };
        let missing = header.nodata.or(measurement.source_nodata.filter(|_| !header.has_mask));
        let scale = measurement.scaled.then(|| source.scale.unwrap_or((1.0, 0.0)));
        let conversion = Conversion { missing, scale };
        let block = block_shape(header.block_of(level), shape, header.dtype.bytes());
        Ok(Opened { header, level, shape, block, factor, conversion, way })
    }

    /// The document's grid must be the file's: a shift is never silent.
    fn check_grid(
        &self,
        header: &RasterHeader,
        grid: &GeoBox,
        cells: Option<Healpix>,
        plan: &LoadPlan,
    ) -> Result<(), LoadError> {
        let differs = |what: &'static str, file: String, document: String| {
            let (dataset, measurement) = self.names(plan);
            Err(LoadError::GridDiffers {
                dataset,
                measurement,
                location: Box::new(self.location.clone()),
                what,
                file,
                document,
            })
        };
        if header.healpix.is_some() || cells.is_some() {
            let named = |cells: Option<Healpix>| cells.map_or_else(|| "no HEALPix".to_owned(), |c| c.to_string());
            if header.healpix != cells {
                return differs("cells", named(header.healpix), named(cells));
            }
            return Ok(());
        }
        if header.shape != grid.shape {
            return differs("shape", header.shape.to_string(), grid.shape.to_string());
        }
        if let Some(affine) = header.affine {
            let inverse = grid.affine.inverse();
            let off = GeoBox { affine, ..grid.clone() }.corners().into_iter().zip(grid_corners(grid.shape)).any(
                |((x, y), (col, row))| {
                    let Some((c, r)) = inverse.map(|inverse| inverse.apply(x, y)) else { return true };
                    (c - col).abs().max((r - row).abs()) > SAME_PIXEL
                },
            );
            if off {
                return differs("affine", format!("{affine:?}"), format!("{:?}", grid.affine));
            }
        }
        if let Some(crs) = header.crs.as_ref().filter(|crs| **crs != grid.crs && !same_ground(crs, grid)) {
            return differs("CRS", crs.to_string(), grid.crs.to_string());
        }
        Ok(())
    }

    fn check_time(&self, header: &RasterHeader, plan: &LoadPlan) -> Result<(), LoadError> {
        let document = plan.datasets.get(self.dataset).and_then(|d| d.time);
        let Some((file, document)) = header.time.zip(document) else { return Ok(()) };
        let apart = |a: Timestamp, b: Timestamp| (a.as_millisecond() - b.as_millisecond()).abs() > SAME_TIME_MS;
        if apart(file, document) {
            let (dataset, measurement) = self.names(plan);
            return Err(LoadError::TimeDiffers {
                dataset,
                measurement,
                location: Box::new(self.location.clone()),
                file,
                document,
            });
        }
        Ok(())
    }

    /// Tells a far file that it will be opened.
    pub(crate) fn expect_open(&self) {
        if self.opened.get().is_none() {
            self.files.expect(&self.location);
        }
    }

    /// Tells a far file that the blocks under a window of full resolution will be read. False where too much is on its way.
    pub(crate) fn expect_window(&self, opened: &Opened, window: Window) -> bool {
        // What a kernel reaches beyond the window at a reduced level.
        const MARGIN: f64 = 3.0;
        let axis = |from: usize, to: usize, factor: f64, block: usize, size: usize| {
            let (from, to) = ((count(from) * factor - MARGIN).max(0.0), (count(to) * factor + MARGIN).min(count(size)));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= from, to <= size")]
            let (from, to) = (from as usize, to as usize);
            from / block..to.div_ceil(block)
        };
        let Shape { rows, cols } = opened.block;
        let over_cols = axis(window.col, window.col_end(), opened.factor.0, cols, opened.shape.cols);
        let over_rows = axis(window.row, window.row_end(), opened.factor.1, rows, opened.shape.rows);
        // Kept to the end: who reads these blocks next finds them on their way.
        let mut told = lock(&self.told);
        let new: Vec<(usize, usize)> = over_rows
            .flat_map(|row| over_cols.clone().map(move |col| (row, col)))
            .filter(|block| !told.contains(block))
            .collect();
        let windows: Vec<Window> =
            new.iter().map(|(row, col)| Window::new(row * rows, col * cols, rows, cols)).collect();
        if windows.is_empty() {
            return true;
        }
        let Some(reader) = lock(&self.idle).first().and_then(|reader| reader.another()) else { return true };
        let taken = reader.expect(opened.level, &windows);
        if taken {
            told.extend(new);
        }
        taken
    }

    /// The first of these of our blocks, decoded, from the store if it is there. Another of them may be decoded with it.
    pub(crate) fn block<T: Sample>(
        &self,
        opened: &Opened,
        wanted: &[(usize, usize)],
        store: &BlockStore,
        plan: &LoadPlan,
    ) -> Result<Arc<Block<T>>, LoadError> {
        let outside = || LoadError::BadPlan { reason: "a block lies outside its file".to_owned() };
        let (first, soon) = wanted.split_first().ok_or_else(outside)?;
        let key = |&(row, col): &(usize, usize)| (self.index, row, col);
        store.block(key(first), soon.iter().map(key), |other| {
            let Shape { rows, cols } = opened.block;
            let window = |(_, row, col)| {
                let whole = Window::new(row * rows, col * cols, rows, cols);
                whole.intersection(opened.shape.whole())
            };
            let Some(one) = window(key(first)) else { return (Err(outside()), None) };
            match other.and_then(window) {
                None => (self.read(opened, one, plan), None),
                Some(two) => self.read_two(opened, [one, two], plan),
            }
        })
    }

    /// The pixels of a window of the level, and the bytes they take.
    fn read<T: Sample>(&self, opened: &Opened, window: Window, plan: &LoadPlan) -> Result<Weighed<T>, LoadError> {
        let mut raster = self.reader(plan)?;
        let pixels = raster.read(opened.level, window);
        let block = self.converted(opened, &mut *raster, window, pixels, plan)?;
        lock(&self.idle).push(raster);
        Ok(block)
    }

    /// The same of two windows; where the second cannot be had, it is left out.
    fn read_two<T: Sample>(
        &self,
        opened: &Opened,
        windows: [Window; 2],
        plan: &LoadPlan,
    ) -> (Result<Weighed<T>, LoadError>, Option<Weighed<T>>) {
        let mut raster = match self.reader(plan) {
            Ok(raster) => raster,
            Err(error) => return (Err(error), None),
        };
        let ([one, two], [pixels, also]) = (windows, raster.read_two(opened.level, windows));
        let first = self.converted(opened, &mut *raster, one, pixels, plan);
        let second = self.converted(opened, &mut *raster, two, also, plan).ok();
        if first.is_ok() {
            lock(&self.idle).push(raster);
        }
        (first, second)
    }

    fn reader(&self, plan: &LoadPlan) -> Result<Box<dyn Raster>, LoadError> {
        match self.idle() {
            Some(raster) => Ok(raster),
            None => self.files.open(&self.location).map_err(|e| self.raster_error(plan, e)),
        }
    }

    /// Pixels that were read, with their mask, as the load wants them.
    fn converted<T: Sample>(
        &self,
        opened: &Opened,
        raster: &mut dyn Raster,
        window: Window,
        pixels: Result<Pixels, RasterError>,
        plan: &LoadPlan,
    ) -> Result<Weighed<T>, LoadError> {
        let masked = |pixels| {
            let mask = if opened.header.has_mask { raster.read_mask(opened.level, window)? } else { None };
            Ok((pixels, mask))
        };
        let (pixels, mask) = pixels.and_then(masked).map_err(|e| self.raster_error(plan, e))?;
        let bytes = window.shape().pixels() * (size_of::<T>() + usize::from(mask.is_some()));
        let file = pixels.dtype();
        let block = opened.conversion.convert::<T>(pixels, mask).map_err(|v| self.outside(plan, v, T::DTYPE, file))?;
        Ok((block, bytes))
    }

    /// Bytes of the file that reading a window of the level takes, where its header tells them.
    pub(crate) fn stored_bytes(&self, level: usize, window: Window) -> Option<u64> {
        lock(&self.idle).first()?.stored_bytes(level, window)
    }

    /// A reader that no thread uses. The last one stays where its format gives readers that share its handle.
    fn idle(&self) -> Option<Box<dyn Raster>> {
        let mut idle = lock(&self.idle);
        if let [only] = idle.as_slice()
            && let Some(another) = only.another()
        {
            return Some(another);
        }
        idle.pop()
    }

    /// One chunk is done with the plane; after the last one its readers are closed and its blocks forgotten. True then.
    fn done_with_chunk(&self, store: &BlockStore) -> bool {
        let last = self.chunks_left.fetch_sub(1, Ordering::AcqRel) == 1;
        if last {
            lock(&self.idle).clear();
            store.forget(self.index);
        }
        last
    }

    fn key(&self) -> FileKey {
        (self.location.url.clone(), self.location.layer.clone())
    }

    fn names(&self, plan: &LoadPlan) -> (uuid::Uuid, String) {
        let dataset = plan.datasets.get(self.dataset).map_or_else(uuid::Uuid::nil, |d| d.id);
        let measurement = plan.measurements.get(self.measurement).map_or_else(String::new, |m| m.name.clone());
        (dataset, measurement)
    }

    pub(crate) fn raster_error(&self, plan: &LoadPlan, source: RasterError) -> LoadError {
        let (dataset, measurement) = self.names(plan);
        LoadError::Raster { dataset, measurement, source: Box::new(source) }
    }

    fn outside(&self, plan: &LoadPlan, value: f64, dtype: DataType, file: DataType) -> LoadError {
        let (dataset, measurement) = self.names(plan);
        LoadError::ValueOutside { dataset, measurement, location: Box::new(self.location.clone()), value, dtype, file }
    }

    /// What a result without this source says.
    pub(crate) fn hole(&self, plan: &LoadPlan, error: &LoadError) -> crate::Hole {
        let (dataset, measurement) = self.names(plan);
        // The hole says itself which dataset, measurement and file it is.
        let reason = match error {
            LoadError::Raster { source, .. } => {
                let text = source.to_string();
                text.strip_prefix(&format!("{}: ", self.location)).map_or(text.clone(), ToOwned::to_owned)
            }
            other => other.to_string(),
        };
        crate::Hole { dataset, measurement, location: self.location.clone(), reason }
    }
}

fn grid_corners(shape: Shape) -> [(f64, f64); 4] {
    let (rows, cols) = (count(shape.rows), count(shape.cols));
    [(0.0, 0.0), (cols, 0.0), (cols, rows), (0.0, rows)]
}

/// Two CRSs that PROJ does not call equivalent (a WKT without a name, say) may still put a grid on the same ground.
fn same_ground(file: &cube_geo::Crs, grid: &GeoBox) -> bool {
    let Some((transform, inverse)) = Transform::new(file, &grid.crs).ok().zip(grid.affine.inverse()) else {
        return false;
    };
    let (rows, cols) = (count(grid.shape.rows), count(grid.shape.cols));
    let middle = (cols / 2.0, rows / 2.0);
    grid_corners(grid.shape).into_iter().chain([middle]).all(|(col, row)| {
        let (x, y) = grid.affine.apply(col, row);
        transform.point(x, y).is_some_and(|(x, y)| {
            let (c, r) = inverse.apply(x, y);
            (c - col).abs().max((r - row).abs()) <= SAME_PIXEL
        })
    })
}

#[expect(clippy::cast_precision_loss, reason = "images are far smaller than 2^53 pixels on a side")]
pub(crate) fn count(n: usize) -> f64 {
    n as f64
}

fn ratio(level: usize, full: usize) -> f64 {
    count(level) / count(full)
}

/// The coarsest overview that is still as fine as the output asks for. Overviews are made by averaging or picking:
/// modes that ask which values there are need full resolution.
pub(crate) fn level_for(shrink: u32, header: &RasterHeader, resampling: Resampling) -> usize {
    let blends = !resampling.is_area() || resampling == Resampling::Average;
    if !blends || shrink < 2 {
        return 0;
    }
    let fits = |shape: &Shape| {
        let factor = |full: usize, level: usize| count(full) / count(level.max(1));
        let coarsest = factor(header.shape.cols, shape.cols).max(factor(header.shape.rows, shape.rows));
        !shape.is_empty() && coarsest <= f64::from(shrink) * (1.0 + 1e-6)
    };
    let best = header.overviews.iter().enumerate().filter(|(_, s)| fits(s)).min_by_key(|(_, s)| s.pixels());
    best.map_or(0, |(i, _)| i + 1)
}

fn way(
    relation: &Relation,
    level: usize,
    shape: Shape,
    factor: (f64, f64),
    grid: &GeoBox,
    plan: &LoadPlan,
    resampling: Resampling,
) -> Result<Way, LoadError> {
    let at_level;
    let relation = if level == 0 {
        relation
    } else if relation.linear().is_some() {
        let zoom = cube_geo::Affine::scale(1.0 / factor.0, 1.0 / factor.1);
        let reduced = GeoBox { shape, affine: grid.affine.after(zoom), crs: grid.crs.clone() };
        at_level = relate(&reduced, &plan.geobox, resampling)?;
        &at_level
    } else {
        return Ok(Way::Warp);
    };
    Ok(match (relation.kind(), relation.linear()) {
        (OverlapKind::Paste { col, row, shrink }, _) if shrink == 1 || resampling == Resampling::Nearest => {
            Way::Paste { col, row, shrink }
        }
        (_, Some(linear)) => Way::Linear(PixelMap::Linear(linear)),
        _ => Way::Warp,
    })
}

/// All planes of files that a plan may read.
pub(crate) struct Files {
    planes: Vec<Option<SourceFile>>,
    /// Where a measurement's planes begin among those of a dataset.
    starts: Vec<usize>,
    /// Planes of a dataset.
    each: usize,
    open: Arc<OpenFiles>,
    /// How many planes of a file are still needed.
    planes_left: HashMap<FileKey, AtomicUsize>,
}

/// No file yet, to be reached as it says; `None` is the way of the process.
pub(crate) fn open_files(access: Option<&Access>) -> OpenFiles {
    let files = OpenFiles::default();
    match access {
        Some(access) => files.with_access(access.clone()),
        None => files,
    }
}

/// URL and layer.
type FileKey = (String, Option<String>);

impl Files {
    /// Opens nothing.
    pub(crate) fn new(plan: &LoadPlan, access: Option<&Access>) -> Self {
        let mut starts = Vec::with_capacity(plan.measurements.len());
        let mut each = 0;
        for measurement in 0..plan.measurements.len() {
            starts.push(each);
            each += plan.extra_len(measurement);
        }
        let open = Arc::new(open_files(access));
        let mut planes = Vec::with_capacity(plan.datasets.len() * each);
        for dataset in 0..plan.datasets.len() {
            for measurement in 0..plan.measurements.len() {
                for extra in 0..plan.extra_len(measurement) {
                    let location = plan.location(dataset, measurement, extra);
                    let index = planes.len();
                    planes.push(location.map(|at| SourceFile::new(index, dataset, measurement, at, open.clone())));
                }
            }
        }
        Self { planes, starts, each, open, planes_left: HashMap::new() }
    }

    /// Tells for each plane how many chunks need it; a file is closed after the last of them.
    pub(crate) fn expect(&mut self, chunks: impl Fn(usize, usize) -> usize) {
        for file in self.planes.iter().flatten() {
            let n = chunks(file.dataset, file.measurement);
            file.chunks_left.store(n, Ordering::Relaxed);
            if n > 0 {
                self.planes_left.entry(file.key()).or_default().fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// A chunk is done with its plane of a dataset.
    pub(crate) fn done_with(&self, dataset: usize, chunk: Chunk, store: &BlockStore) {
        let Some(file) = self.of(dataset, chunk).filter(|file| file.done_with_chunk(store)) else { return };
        let left = self.planes_left.get(&file.key());
        if left.is_some_and(|left| left.fetch_sub(1, Ordering::AcqRel) == 1) {
            self.open.forget(&file.location);
        }
    }

    /// True where some file is reached over a network.
    pub(crate) fn any_far(&self) -> bool {
        self.planes.iter().flatten().any(|file| file.location.is_far())
    }

    /// The plane of a dataset's measurement, at an index of the extra dimension.
    pub(crate) fn at(&self, dataset: usize, measurement: usize, extra: usize) -> Option<&SourceFile> {
        self.planes.get(dataset * self.each + self.starts.get(measurement)? + extra)?.as_ref()
    }

    /// The plane of a dataset that a chunk needs.
    pub(crate) fn of(&self, dataset: usize, chunk: Chunk) -> Option<&SourceFile> {
        self.at(dataset, chunk.measurement, chunk.extra)
    }
}
