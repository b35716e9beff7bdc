//! The command line, as clap sees it.
#![expect(clippy::doc_markdown, reason = "these comments are the help texts, which people read as they stand")]

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::count::CountArgs;
use crate::commands::dataset::DatasetCommand;
use crate::commands::export::ExportArgs;
use crate::commands::index::IndexArgs;
use crate::commands::metadata::MetadataCommand;
use crate::commands::product::ProductCommand;
use crate::commands::search::SearchArgs;

/// A geospatial data cube: index scenes and grids where they lie, search them, load them as arrays, files and pictures.
#[derive(Debug, Parser)]
#[command(name = "cube", version, about, max_term_width = 100, disable_help_subcommand = true)]
#[command(
    after_help = "First steps:\n  cube init\n  cube product add my-product.odc-product.yaml\n  cube index scenes/\n  cube search product=my_product time in 2034-05\n  cube load my_product --time 2034-05 --bbox 12.1,42.0,12.4,42.2 -o out.nc"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The catalog: sqlite:///path/to/file or postgresql://… [default: CUBE_CATALOG, else by ODC's configuration, else a
    /// file in the user's data directory]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) catalog: Option<String>,
    /// The environment of ODC's configuration that names the catalog
    #[arg(short = 'E', long, global = true, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// A file of ODC's configuration; of several the first that can be read
    #[arg(short = 'C', long = "config", global = true, value_name = "FILE")]
    pub(crate) configs: Vec<PathBuf>,
    /// Say more; twice for debugging
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// A whole number from 1 on.
pub(crate) fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create the catalog, or bring its schema up to date
    Init,
    /// Version, catalog, counts, libraries and formats
    Status(Json),
    /// Product definitions: add, update, show, list, extent, delete
    #[command(subcommand)]
    Product(ProductCommand),
    /// Metadata types: add, update, show, list
    #[command(subcommand)]
    Metadata(MetadataCommand),
    /// Record datasets in the catalog; their pixels stay where they are
    Index(IndexArgs),
    /// Write metadata types, products and datasets as documents that index again
    Export(ExportArgs),
    /// The life of datasets: show, info, update, archive, restore, purge, lineage, uris, duplicates
    #[command(subcommand)]
    Dataset(DatasetCommand),
    /// Find datasets
    Search(SearchArgs),
    /// Count datasets by product and through time
    Count(CountArgs),
    /// Load pixels into a file
    Load(LoadArgs),
    /// Water extent through time
    Water(WaterArgs),
    /// Mean over an area through time
    Series(SeriesArgs),
    /// Maps of chosen times
    Plot(PlotArgs),
    /// Shell completions on stdout
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write man pages into a directory
    Man {
        /// The directory
        dir: PathBuf,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Json {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Where {
    /// A time or range: 2034, 2034-05, 2034-05-17, 2034-05/2034-07
    #[arg(long, value_name = "TIME", help_heading = "Which datasets")]
    pub(crate) time: Option<String>,
    /// A box: west,south,east,north in degrees (west > east crosses 180°)
    #[arg(long, value_name = "W,S,E,N", allow_hyphen_values = true, help_heading = "Which datasets")]
    pub(crate) bbox: Option<String>,
    /// The CRS of --bbox, where it is not longitude and latitude
    #[arg(long, value_name = "CRS", requires = "bbox", help_heading = "Which datasets")]
    pub(crate) bbox_crs: Option<String>,
    /// An area in longitude and latitude: GeoJSON or WKT, or a file with either; sets the box and masks nothing
    #[arg(long, value_name = "GEOMETRY", conflicts_with = "bbox", help_heading = "Which datasets")]
    pub(crate) geometry: Option<String>,
    /// More terms, as in `cube search`: 'cloud_cover in [0,20]'
    #[arg(long, value_name = "EXPR", help_heading = "Which datasets")]
    pub(crate) query: Vec<String>,
    /// At most so many datasets
    #[arg(long, value_name = "N", help_heading = "Which datasets")]
    pub(crate) limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum StatusArg {
    /// Not archived
    #[default]
    Active,
    /// Archived only
    Archived,
    /// Both
    All,
}

/// Which pixels: shared by all commands that load.
#[derive(Debug, Clone, Args)]
pub(crate) struct Pixels {
    /// Measurements, comma-separated [default: all]
    #[arg(short, long, value_name = "NAMES", value_delimiter = ',', help_heading = "Which pixels")]
    pub(crate) measurements: Vec<String>,
    /// Output CRS: EPSG:32633 or 32633, WKT, a PROJ string, or utm for the zone of the area's middle
    #[arg(long, value_name = "CRS", help_heading = "Which pixels")]
    pub(crate) crs: Option<String>,
    /// Pixel size in units of the output CRS: 20, or x,y with signs
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, help_heading = "Which pixels")]
    pub(crate) resolution: Option<String>,
    /// Take the pixel grid of this raster file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["crs", "resolution", "align"], help_heading = "Which pixels")]
    pub(crate) like: Option<PathBuf>,
    /// Offset of pixel edges from multiples of the resolution: x,y in CRS units
    #[arg(long, value_name = "X,Y", allow_hyphen_values = true, help_heading = "Which pixels")]
    pub(crate) align: Option<String>,
    /// How to resample: a mode, or measurement=mode; repeat or separate with commas [default: nearest]
    #[arg(long, value_name = "[NAME=]MODE", value_delimiter = ',', help_heading = "Which pixels")]
    pub(crate) resampling: Vec<String>,
    /// What goes into one time plane [default: time]
    #[arg(long, value_enum, value_name = "RULE", help_heading = "Which pixels")]
    pub(crate) group_by: Option<GroupByArg>,
    /// What happens where several datasets of a time plane have a pixel [default: first]
    #[arg(long, value_enum, value_name = "RULE", help_heading = "Which pixels")]
    pub(crate) fuse: Option<FuseArg>,
    /// A file that cannot be read leaves a hole instead of ending the load
    #[arg(long, help_heading = "Which pixels")]
    pub(crate) skip_broken: bool,
    /// Take no more memory than this, refuse what cannot do with it: 4GB, 500MiB [default: what is free]
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, help_heading = "Which pixels")]
    pub(crate) memory_limit: Option<String>,
    /// How many threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = at_least_one(), help_heading = "Which pixels")]
    pub(crate) jobs: Option<usize>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum GroupByArg {
    /// Datasets of one instant
    Time,
    /// Datasets of one solar day
    #[value(alias = "solar_day")]
    SolarDay,
    /// Each dataset on its own
    Dataset,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FuseArg {
    /// The first valid pixel in (time, id) order
    First,
    /// The last
    Last,
    /// The smallest
    Min,
    /// The largest
    Max,
    /// The mean of the valid pixels, as float32
    Mean,
    /// Their median, as float32
    Median,
    /// How many datasets have a valid pixel
    Count,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command")]
pub(crate) struct LoadArgs {
    /// Products
    #[arg(required = true, value_name = "PRODUCT")]
    pub(crate) products: Vec<String>,
    #[command(flatten)]
    pub(crate) place: Where,
    #[command(flatten)]
    pub(crate) pixels: Pixels,
    /// Where to write: x.tif, x.zarr, x.nc, or dir/ for one GeoTIFF a time and measurement
    #[arg(short, long, value_name = "FILE", required_unless_present = "explain")]
    pub(crate) output: Option<PathBuf>,
    /// Apply scale and offset: real values as float32 (float64 from 32-bit integers on)
    #[arg(long)]
    pub(crate) scale: bool,
    /// Write beside each measurement which dataset gave each pixel
    #[arg(long)]
    pub(crate) provenance: bool,
    /// How to compress [default: deflate, zstd in Zarr]
    #[arg(long, value_enum)]
    pub(crate) compress: Option<CompressArg>,
    /// Replace the output if it is there
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Print what would be read and what it costs; read no pixel
    #[arg(long)]
    pub(crate) explain: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum CompressArg {
    /// Not at all
    None,
    /// Deflate, which everything reads
    Deflate,
    /// Zstandard, smaller and faster
    Zstd,
}

#[derive(Debug, Args)]
#[command(
    after_help = "What the table says of each date:\n  water        area seen to be water, by the true area of each pixel\n  box seen     share of the box that was clear\n  extent seen  share of the ground that is water on any of the dates that was clear on this one\n  open edge    share of the water's edge that borders ground not seen: a cloud's edge, not a shore\nA date was seen whole where at least 99.5 % of the extent was seen and at most 0.5 % of the edge is open."
)]
pub(crate) struct WaterArgs {
    /// The product
    #[arg(value_name = "PRODUCT")]
    pub(crate) product: String,
    #[command(flatten)]
    pub(crate) place: Where,
    #[command(flatten)]
    pub(crate) pixels: Pixels,
    /// Which index: MNDWI (green and 1.6 µm) or NDWI (green and near infrared) [default: MNDWI where the product has the band]
    #[arg(long, value_enum)]
    pub(crate) index: Option<WaterIndexArg>,
    /// Where water begins: a number, or otsu to find it in the pixels' histogram
    #[arg(long, default_value = "0", allow_hyphen_values = true, value_name = "NUMBER|otsu")]
    pub(crate) threshold: String,
    /// Leave out water bodies of fewer pixels
    #[arg(long, default_value_t = 0, value_name = "PIXELS")]
    pub(crate) min_pixels: usize,
    /// Known areas to print beside: CSV with columns date, area_km2
    #[arg(long, value_name = "FILE")]
    pub(crate) truth: Option<PathBuf>,
    /// The directory for CSV, PNG and GeoTIFF
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// Replace files that are there
    #[arg(long)]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum WaterIndexArg {
    /// Modified NDWI: (green − swir) / (green + swir), Xu 2006
    Mndwi,
    /// NDWI: (green − nir) / (green + nir), McFeeters 1996
    Ndwi,
}

#[derive(Debug, Args)]
pub(crate) struct SeriesArgs {
    /// The product
    #[arg(value_name = "PRODUCT")]
    pub(crate) product: String,
    #[command(flatten)]
    pub(crate) place: Where,
    #[command(flatten)]
    pub(crate) pixels: Pixels,
    /// Every pixel counts the same, instead of by its true area
    #[arg(long)]
    pub(crate) unweighted: bool,
    /// Kelvin as degrees Celsius
    #[arg(long)]
    pub(crate) celsius: bool,
    /// Where to write: x.csv, x.png; repeat for both [default: a table on stdout]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Vec<PathBuf>,
    /// The picture's title
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Replace files that are there
    #[arg(long)]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct PlotArgs {
    /// The product
    #[arg(value_name = "PRODUCT")]
    pub(crate) product: String,
    #[command(flatten)]
    pub(crate) place: Where,
    #[command(flatten)]
    pub(crate) pixels: Pixels,
    /// Chosen times, comma-separated: for each the first plane inside that day, month or instant [default: up to six spread over the range]
    #[arg(long, value_name = "TIMES", value_delimiter = ',')]
    pub(crate) times: Vec<String>,
    /// Three measurements as red, green, blue
    #[arg(long, value_name = "R,G,B", value_delimiter = ',', conflicts_with_all = ["measurements", "celsius", "range"])]
    pub(crate) rgb: Vec<String>,
    /// Kelvin as degrees Celsius
    #[arg(long)]
    pub(crate) celsius: bool,
    /// Colours: viridis, magma, turbo, temperature, blues, …
    #[arg(long, value_name = "NAME")]
    pub(crate) colours: Option<String>,
    /// Values at the ends of the colour bar: low,high [default: 2nd and 98th percentile]
    #[arg(long, value_name = "LOW,HIGH", allow_hyphen_values = true)]
    pub(crate) range: Option<String>,
    /// The picture's title
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Where to write: x.png
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    pub(crate) overwrite: bool,
}
