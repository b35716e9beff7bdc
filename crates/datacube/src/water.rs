//! Water extents through time: load, classify, measure, and show.

use std::path::{Path, PathBuf};

use cube_analysis::{ClearSpec, Index, Threshold, Water, WaterSpec};
use cube_geo::CellAreas;
use cube_load::LoadSpec;
use cube_model::{Cube, Product, Search};
use ndarray::Axis;
use serde::Serialize;

use crate::picture::{self, MapStyle, Panel, Series, SeriesStyle};
use crate::{Datacube, Error, ExportOptions, LoadOptions, Role, place};

/// What to look for water in, and how.
#[derive(Debug, Clone)]
pub struct WaterRequest {
    /// Which datasets, of one product.
    pub search: Search,
    /// Which pixels; measurements are chosen by the index. Without CRS or resolution the UTM zone of the area and the
    /// finest pixel size of the datasets are taken. Scenes in tiles are grouped by solar day.
    pub spec: LoadSpec,
    /// The index; MNDWI where the product has a band at 1.6 µm, else NDWI, where `None`.
    pub index: Option<Index>,
    /// Where water begins.
    pub threshold: Threshold,
    /// Bodies of fewer pixels are left out.
    pub min_pixels: usize,
}

/// The areas of one date.
#[derive(Debug, Clone, Serialize)]
pub struct WaterRow {
    /// The date's time.
    pub time: String,
    /// Area seen to be water, km² on the ellipsoid; `None` where nothing was seen.
    pub water_km2: Option<f64>,
    /// Share of the box that was seen, in percent of its area.
    pub seen_percent: f64,
    /// Share of the ground that is water on any of the dates that was seen on this one, in percent.
    pub extent_seen_percent: Option<f64>,
    /// Share of the water's edge that borders ground which was not seen, in percent: a cloud's edge, not a shore.
    pub open_edge_percent: Option<f64>,
    /// True where the water was seen whole, so that its area compares with others: at least 99.5 % of the extent seen,
    /// at most 0.5 % of the edge open.
    pub whole: bool,
    /// The known area, where one was given.
    pub truth_km2: Option<f64>,
}

/// What was found.
pub struct WaterReport {
    /// One row a date.
    pub rows: Vec<WaterRow>,
    /// Which index, and the threshold that was used, in words.
    pub method: String,
    /// The extents and frequency themselves.
    pub water: Water,
    /// Three measurements for a picture in natural colours, where the product has them, of the clearest date.
    pub scene: Option<Cube>,
}

impl Datacube {
    /// Finds water on every date of a search.
    ///
    /// # Errors
    /// Where the product lacks a band or quality measurement, nothing is found, or a load fails.
    pub fn water(&self, request: &WaterRequest, options: &LoadOptions<'_>) -> Result<WaterReport, Error> {
        let (products, datasets) = self.find_for_load(&request.search)?;
        let [product] = products.as_slice() else {
            let reason = "water is looked for in one product at a time: name one".to_owned();
            return Err(Error::Usage { reason });
        };
        let index =
            request.index.unwrap_or_else(|| if has_both(product, Index::Mndwi) { Index::Mndwi } else { Index::Ndwi });
        let (first, second) = index.measurements();
        let role = |names: &[&'static str]| find_named(product, index, names);
        let quality = Role::SceneClass.find(product).or_else(|| Role::Quality.find(product));
        let mut names = vec![role(first)?, role(second)?];
        names.extend(quality.map(ToOwned::to_owned));
        let spec = request.spec.clone().measurements(names).scale(true);
        let spec = place::complete_grid(spec, &products, &datasets, request.search.area.as_ref())?;
        let plan = crate::plan_datasets(&products, datasets.clone(), &request.search, &spec)?;
        let cube = crate::run(&plan, options)?.cube;
        let clear = quality.map(|name| ClearSpec { quality: Some(name.to_owned()), ..ClearSpec::for_water() });
        let water_spec = WaterSpec { index, threshold: request.threshold, clear, smallest_body: request.min_pixels };
        let areas = CellAreas::new(&cube.geobox)?;
        let water = cube_analysis::water(&cube, &areas, &water_spec)?;
        if water.dates.iter().all(|date| date.seen == 0.0) {
            let reason = format!("no clear pixel on any of the {} dates there are", water.dates.len());
            return Err(Error::NothingFound { reason });
        }
        let rows = water.dates.iter().map(|date| WaterRow {
            time: date.time.to_string(),
            water_km2: (date.seen > 0.0).then_some(date.water / 1e6),
            seen_percent: date.seen * 100.0,
            extent_seen_percent: date.seen_extent.map(|s| s * 100.0),
            open_edge_percent: date.open_edge.map(|s| s * 100.0),
            whole: date.seen_extent.is_some_and(|s| s >= 0.995) && date.open_edge.is_none_or(|s| s <= 0.005),
            truth_km2: None,
        });
        let mask = quality.map_or_else(|| "no quality measurement".to_owned(), |name| format!("clear by {name}"));
        let method = format!("{}, {}, {mask}", index.name().to_uppercase(), water.threshold);
        let rows = rows.collect();
        let scene = self.scene(product, &request.search, &spec, &water, options.jobs)?;
        Ok(WaterReport { rows, method, water, scene })
    }

    /// Red, green and blue of the date of which most was seen.
    fn scene(
        &self,
        product: &Product,
        search: &Search,
        spec: &LoadSpec,
        water: &Water,
        jobs: Option<usize>,
    ) -> Result<Option<Cube>, Error> {
        let (Some(red), Some(green), Some(blue)) =
            (Role::Red.find(product), Role::Green.find(product), Role::Blue.find(product))
        else {
            return Ok(None);
        };
        let Some(best) = water.dates.iter().max_by(|a, b| a.seen.total_cmp(&b.seen)) else { return Ok(None) };
        let spec = spec.clone().measurements([red, green, blue]);
        let groups = cube_load::group(self.find_datasets(search)?, spec.grouping())?;
        let group = groups.into_iter().filter(|g| g.time == best.time).collect::<Vec<_>>();
        let plan = cube_load::plan(std::slice::from_ref(product), &group, water.extent.geobox.clone(), &spec)?;
        Ok(Some(crate::run(&plan, &LoadOptions { jobs, access: Some(&self.access), ..LoadOptions::default() })?.cube))
    }
}

fn has_both(product: &Product, index: Index) -> bool {
    let (first, second) = index.measurements();
    [first, second].iter().all(|names| names.iter().any(|n| product.measurement(n).is_some()))
}

fn find_named(product: &Product, index: Index, names: &[&'static str]) -> Result<String, Error> {
    names.iter().find_map(|n| product.measurement(n)).map(|m| m.name.clone()).ok_or_else(|| Error::NoRole {
        product: product.name.clone(),
        role: index.name().to_uppercase(),
        looked_for: names.iter().map(|&n| n.to_owned()).collect(),
        has: product.measurements.iter().map(|m| m.name.clone()).collect(),
    })
}

impl WaterReport {
    /// Puts the known areas of a CSV file (columns `date` and `area_km2`) beside those found, by date.
    ///
    /// # Errors
    /// Where the file cannot be read, or lacks a column.
    pub fn compare(&mut self, truth: &Path) -> Result<(), Error> {
        let unreadable = |reason: String| Error::Unreadable { path: truth.to_owned(), reason };
        let mut reader = csv::Reader::from_path(truth).map_err(|e| unreadable(e.to_string()))?;
        let headings = reader.headers().map_err(|e| unreadable(e.to_string()))?.clone();
        let column = |name: &str| {
            headings.iter().position(|h| h == name).ok_or_else(|| {
                unreadable(format!(
                    "expected a column {name:?}, got {}",
                    headings.iter().collect::<Vec<_>>().join(", ")
                ))
            })
        };
        let (date, area) = (column("date")?, column("area_km2")?);
        for record in reader.records() {
            let record = record.map_err(|e| unreadable(e.to_string()))?;
            let known = record.get(date).and_then(|d| d.trim().parse::<jiff::civil::Date>().ok());
            let size =
                record.get(area).and_then(|a| a.trim().parse::<f64>().ok()).filter(|a| a.is_finite() && *a > 0.0);
            let (Some(known), Some(size)) = (known, size) else {
                let line = record.position().map_or(0, csv::Position::line);
                return Err(unreadable(format!("line {line}: expected a date such as 2034-05-03 and an area in km²")));
            };
            for row in self.rows.iter_mut().filter(|row| row.time.starts_with(&known.to_string())) {
                row.truth_km2 = Some(size);
            }
        }
        Ok(())
    }

    /// Writes `water_extent.csv`, `water_extent.png` (the areas through time), `water_frequency.tif`,
    /// `water_frequency.png`, `water_extents.png` (a map a date), `water_extents.nc` and, where the product has
    /// natural colours, `scene.png` into a directory.
    ///
    /// # Errors
    /// Where a file cannot be written, or is there and `overwrite` is off.
    pub fn write(&self, dir: &Path, options: &ExportOptions) -> Result<Vec<PathBuf>, Error> {
        let unwritable = |path: &Path, reason: String| Error::Unwritable { path: path.to_owned(), reason };
        std::fs::create_dir_all(dir).map_err(|e| unwritable(dir, e.to_string()))?;
        let mut written = Vec::new();
        let mut next = |name: &str| -> Result<PathBuf, Error> {
            let path = dir.join(name);
            crate::check_free(&path, options)?;
            written.push(path.clone());
            Ok(path)
        };
        let csv_path = next("water_extent.csv")?;
        crate::export::write_csv(&csv_path, &HEADINGS, self.rows.iter().map(WaterRow::cells))?;
        self.draw_areas(&next("water_extent.png")?)?;
        self.draw_extents(&next("water_extents.png")?)?;
        self.draw_frequency(&next("water_frequency.png")?)?;
        let only_frequency = Cube {
            arrays: self
                .water
                .frequency
                .arrays
                .iter()
                .filter(|(n, _)| *n == "water_frequency")
                .map(|(n, a)| (n.clone(), a.clone()))
                .collect(),
            ..self.water.frequency.clone()
        };
        crate::export(&only_frequency, &next("water_frequency.tif")?, options)?;
        crate::export(&self.water.extent, &next("water_extents.nc")?, options)?;
        if let Some(scene) = &self.scene {
            let path = next("scene.png")?;
            picture::write_png(&path, &picture::rgb_cube(scene, 0, None)?)?;
        }
        Ok(written)
    }

    /// Headings of [`WaterReport::table`].
    #[must_use]
    pub fn headings(&self) -> Vec<&'static str> {
        let mut headings = vec!["date", "water (km²)", "box seen", "extent seen", "open edge"];
        if self.has_truth() {
            headings.extend(["known (km²)", "difference"]);
        }
        headings
    }

    /// The areas as rows for people.
    #[must_use]
    pub fn table(&self) -> Vec<Vec<String>> {
        let percent = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| format!("{v:.1} %"));
        let row = |row: &WaterRow| {
            let mut cells = vec![
                row.time[..row.time.len().min(10)].to_owned(),
                row.water_km2.map_or_else(|| "not seen".to_owned(), |area| format!("{area:.3}")),
                percent(Some(row.seen_percent)),
                percent(row.extent_seen_percent),
                percent(row.open_edge_percent),
            ];
            if self.has_truth() {
                cells.push(row.truth_km2.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}")));
                let both = row.water_km2.zip(row.truth_km2).filter(|_| row.whole);
                let difference = both.map(|(area, truth)| format!("{:+.2} %", (area / truth - 1.0) * 100.0));
                cells.push(difference.map_or_else(|| "partly seen".to_owned(), |d| d.replace("-0.00", "+0.00")));
            }
            cells
        };
        self.rows.iter().map(row).collect()
    }

    fn has_truth(&self) -> bool {
        self.rows.iter().any(|r| r.truth_km2.is_some())
    }

    fn draw_areas(&self, path: &Path) -> Result<(), Error> {
        let series = |label: &str, value: &dyn Fn(&WaterRow) -> Option<f64>| {
            let dates = self.water.dates.iter().zip(&self.rows);
            let (times, values) = dates.filter_map(|(date, row)| Some((date.time, value(row)?))).unzip();
            Series::new(label, times, values)
        };
        let mut all = Vec::new();
        if self.rows.iter().any(|r| r.whole) {
            all.push(series("water, seen whole", &|r| r.water_km2.filter(|_| r.whole)));
        }
        if self.rows.iter().any(|r| !r.whole && r.water_km2.is_some()) {
            all.push(series("water, partly seen", &|r| r.water_km2.filter(|_| !r.whole)).markers_only());
        }
        if self.has_truth() {
            all.push(series("known area", &|r| r.truth_km2).markers_only());
        }
        let style = SeriesStyle::new("Water extent", "area (km²)");
        picture::write_png(path, &picture::time_series(&all, &style)?)?;
        Ok(())
    }

    fn draw_extents(&self, path: &Path) -> Result<(), Error> {
        let extent = &self.water.extent;
        let array = extent.array::<u8>("water")?;
        let float = |v: u8| if v == cube_analysis::WATER_UNKNOWN { f32::NAN } else { f32::from(v) };
        let seen = (0..self.rows.len()).filter(|i| self.rows[*i].water_km2.is_some()).collect::<Vec<_>>();
        let shown = spread(&seen, MOST_PANELS);
        let panels = shown.iter().map(|&i| {
            let row = &self.rows[i];
            let partly = if row.whole { "" } else { "at least " };
            let area = row.water_km2.unwrap_or_default();
            let title = format!("{}  {partly}{area:.2} km²", &row.time[..row.time.len().min(10)]);
            Panel { title, data: array.index_axis(Axis(0), i).mapv(float), geobox: extent.geobox.clone() }
        });
        let title = if shown.len() < self.rows.len() {
            format!("Water extent, {} of {} dates", shown.len(), self.rows.len())
        } else {
            "Water extent".to_owned()
        };
        let style = MapStyle::new(&title).legend(&[("land", 0.0), ("water", 1.0)]).missing("not seen");
        picture::write_png(path, &picture::map_panels(&panels.collect::<Vec<_>>(), &style)?)?;
        Ok(())
    }

    fn draw_frequency(&self, path: &Path) -> Result<(), Error> {
        let frequency = &self.water.frequency;
        let array = frequency.array::<f32>("water_frequency")?;
        let panels = array.outer_iter().take(1).map(|plane| Panel {
            title: format!("{} date{}", self.rows.len(), if self.rows.len() == 1 { "" } else { "s" }),
            data: plane.mapv(|v| v * 100.0),
            geobox: frequency.geobox.clone(),
        });
        let style = MapStyle::new("Water frequency").units("% of clear dates").colours("blues")?.range(0.0, 100.0);
        picture::write_png(path, &picture::map_panels(&panels.collect::<Vec<_>>(), &style)?)?;
        Ok(())
    }
}

/// Most dates that one picture shows.
const MOST_PANELS: usize = 24;

/// At most `n` of them, spread evenly, the first and the last among them.
fn spread(all: &[usize], n: usize) -> Vec<usize> {
    if all.len() <= n {
        return all.to_vec();
    }
    (0..n).map(|i| all[i * (all.len() - 1) / (n - 1)]).collect()
}

const HEADINGS: [&str; 7] =
    ["time", "water_km2", "seen_percent", "extent_seen_percent", "open_edge_percent", "whole", "truth_km2"];

impl WaterRow {
    fn cells(&self) -> Vec<String> {
        let optional = |v: Option<f64>, digits: usize| v.map(|v| format!("{v:.digits$}")).unwrap_or_default();
        vec![
            self.time.clone(),
            optional(self.water_km2, 4),
            format!("{:.2}", self.seen_percent),
            optional(self.extent_seen_percent, 2),
            optional(self.open_edge_percent, 2),
            self.whole.to_string(),
            optional(self.truth_km2, 4),
        ]
    }
}
