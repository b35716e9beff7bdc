//! Water extents through time: load, classify, measure, and show.

use std::path::{Path, PathBuf};

use cube_analysis::{ClearSpec, Index, Threshold, Water, WaterSpec};
use cube_geo::CellAreas;
use cube_load::{GroupBy, LoadSpec};
use cube_model::{Cube, Product, Search};
use serde::Serialize;

use crate::picture::{self, MapStyle, Panel, Series, SeriesStyle};
use crate::{Datacube, Error, ExportOptions, LoadOptions, Role, place};

/// What to look for water in, and how.
#[derive(Debug, Clone)]
pub struct WaterRequest {
    /// Which datasets, of one product.
    pub search: Search,
    /// Which pixels; measurements are chosen by the index. Without CRS or resolution the UTM zone of the area and the
    /// finest pixel size of the datasets are taken; without grouping, solar days.
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
    /// Area seen to be water, km² on the ellipsoid.
    pub water_km2: f64,
    /// Share of the box that was seen, in percent of its area.
    pub seen_percent: f64,
    /// Share of the ground that is ever water that was seen, in percent: near 100 the date's area is whole.
    pub extent_seen_percent: Option<f64>,
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
        let mut spec = request.spec.clone().measurements(names).scale(true);
        if spec.grouping() == GroupBy::Time {
            spec = spec.group_by(GroupBy::SolarDay);
        }
        let spec = place::complete_grid(spec, &products, &datasets, request.search.area.as_ref())?;
        let plan = crate::plan_datasets(&products, datasets.clone(), &request.search, &spec)?;
        let cube = crate::run(&plan, options)?.cube;
        let clear = quality.map(|name| ClearSpec { quality: Some(name.to_owned()), ..ClearSpec::for_water() });
        let water_spec = WaterSpec { index, threshold: request.threshold, clear, smallest_body: request.min_pixels };
        let areas = CellAreas::new(&cube.geobox)?;
        let water = cube_analysis::water(&cube, &areas, &water_spec)?;
        let rows = water.dates.iter().map(|date| WaterRow {
            time: date.time.to_string(),
            water_km2: date.water / 1e6,
            seen_percent: date.seen * 100.0,
            extent_seen_percent: date.seen_extent.map(|s| s * 100.0),
            truth_km2: None,
        });
        let mask = quality.map_or_else(|| "no quality measurement".to_owned(), |name| format!("clear by {name}"));
        let method = format!("{}, {}, {mask}", index.name().to_uppercase(), water.threshold);
        let rows = rows.collect();
        let scene = self.scene(product, &request.search, &spec, &water)?;
        Ok(WaterReport { rows, method, water, scene })
    }

    /// Red, green and blue of the date of which most was seen.
    fn scene(&self, product: &Product, search: &Search, spec: &LoadSpec, water: &Water) -> Result<Option<Cube>, Error> {
        let (Some(red), Some(green), Some(blue)) =
            (Role::Red.find(product), Role::Green.find(product), Role::Blue.find(product))
        else {
            return Ok(None);
        };
        let Some(best) = water.dates.iter().max_by(|a, b| a.seen.total_cmp(&b.seen)) else { return Ok(None) };
        let spec = LoadSpec::like(water.extent.geobox.clone())
            .measurements([red, green, blue])
            .group_by(spec.grouping())
            .scale(true);
        let groups = cube_load::group(self.find_datasets(search)?, spec.grouping())?;
        let group = groups.into_iter().filter(|g| g.time == best.time).collect::<Vec<_>>();
        let plan = cube_load::plan(std::slice::from_ref(product), &group, water.extent.geobox.clone(), &spec)?;
        Ok(Some(crate::run(&plan, &LoadOptions::default())?.cube))
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
            let (Some(date), Some(Ok(area))) = (record.get(date), record.get(area).map(str::parse::<f64>)) else {
                return Err(unreadable(format!(
                    "line {}: expected a date and a number",
                    record.position().map_or(0, csv::Position::line)
                )));
            };
            for row in self.rows.iter_mut().filter(|row| row.time.starts_with(date)) {
                row.truth_km2 = Some(area);
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
            picture::write_png(&path, &picture::rgb_cube(scene, 0)?)?;
        }
        Ok(written)
    }

    /// Headings of [`WaterReport::table`].
    #[must_use]
    pub fn headings(&self) -> Vec<&'static str> {
        let mut headings = vec!["date", "water (km²)", "box seen", "shore seen"];
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
                format!("{:.3}", row.water_km2),
                percent(Some(row.seen_percent)),
                percent(row.extent_seen_percent),
            ];
            if self.has_truth() {
                cells.push(row.truth_km2.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}")));
                let whole = row.truth_km2.filter(|_| Self::is_whole(row));
                cells.push(whole.map_or_else(
                    || "partly seen".to_owned(),
                    |t| format!("{:+.2} %", (row.water_km2 / t - 1.0) * 100.0),
                ));
            }
            cells
        };
        self.rows.iter().map(row).collect()
    }

    fn has_truth(&self) -> bool {
        self.rows.iter().any(|r| r.truth_km2.is_some())
    }

    /// True where the date's water was seen whole, so that its area compares with others.
    fn is_whole(row: &WaterRow) -> bool {
        row.extent_seen_percent.is_some_and(|s| s >= 99.5)
    }

    fn draw_areas(&self, path: &Path) -> Result<(), Error> {
        let series = |label: &str, value: &dyn Fn(&WaterRow) -> Option<f64>| {
            let dates = self.water.dates.iter().zip(&self.rows);
            let (times, values) = dates.filter_map(|(date, row)| Some((date.time, value(row)?))).unzip();
            Series::new(label, times, values)
        };
        let whole = self.rows.iter().filter(|r| Self::is_whole(r)).count();
        let mut all = Vec::new();
        if whole > 0 {
            all.push(series("water, shore seen whole", &|r| Self::is_whole(r).then_some(r.water_km2)));
        }
        if whole < self.rows.len() {
            all.push(series("water, partly seen", &|r| (!Self::is_whole(r)).then_some(r.water_km2)).markers_only());
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
        let panels = self.rows.iter().zip(array.outer_iter()).map(|(row, plane)| {
            let partly = if Self::is_whole(row) { "" } else { "at least " };
            let title = format!("{}  {partly}{:.2} km²", &row.time[..row.time.len().min(10)], row.water_km2);
            Panel { title, data: plane.mapv(float), geobox: extent.geobox.clone() }
        });
        let style = MapStyle::new("Water extent").legend(&[("land", 0.0), ("water", 1.0)]).missing("not seen");
        picture::write_png(path, &picture::map_panels(&panels.collect::<Vec<_>>(), &style)?)?;
        Ok(())
    }

    fn draw_frequency(&self, path: &Path) -> Result<(), Error> {
        let frequency = &self.water.frequency;
        let array = frequency.array::<f32>("water_frequency")?;
        let panels = array.outer_iter().take(1).map(|plane| Panel {
            title: format!("{} dates", self.rows.len()),
            data: plane.mapv(|v| v * 100.0),
            geobox: frequency.geobox.clone(),
        });
        let style = MapStyle::new("Water frequency").units("% of clear dates").colours("blues")?.range(0.0, 100.0);
        picture::write_png(path, &picture::map_panels(&panels.collect::<Vec<_>>(), &style)?)?;
        Ok(())
    }
}

const HEADINGS: [&str; 5] = ["time", "water_km2", "seen_percent", "extent_seen_percent", "truth_km2"];

impl WaterRow {
    fn cells(&self) -> Vec<String> {
        let optional = |v: Option<f64>, digits: usize| v.map(|v| format!("{v:.digits$}")).unwrap_or_default();
        vec![
            self.time.clone(),
            format!("{:.4}", self.water_km2),
            format!("{:.2}", self.seen_percent),
            optional(self.extent_seen_percent, 2),
            optional(self.truth_km2, 4),
        ]
    }
}
