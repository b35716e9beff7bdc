//! Maps of chosen times.

use std::path::Path;

use cube_load::{DatasetGroup, LoadSpec, group};
use cube_model::{Cube, Search, TimeRange};
use jiff::Timestamp;
use ndarray::Ix3;

use crate::picture::{self, MapStyle, Panel};
use crate::units::Display;
use crate::{Datacube, Error, LoadOptions, place};

/// What to draw.
#[derive(Debug, Clone)]
pub struct PlotRequest {
    /// Which datasets.
    pub search: Search,
    /// Which pixels; one measurement, or three for natural colours.
    pub spec: LoadSpec,
    /// Chosen times: the first plane inside each day, month or instant. Where empty, up to [`MOST_PANELS`] spread over what is found.
    pub times: Vec<String>,
    /// Draw three measurements as red, green and blue.
    pub rgb: bool,
    /// Show kelvin as degrees Celsius.
    pub celsius: bool,
    /// The colour map's name; one that suits the units where `None`.
    pub colours: Option<String>,
    /// Values at the ends of the colour bar.
    pub range: Option<(f64, f64)>,
    /// The picture's title.
    pub title: Option<String>,
}

/// Panels drawn when no times are chosen.
pub const MOST_PANELS: usize = 6;

impl Datacube {
    /// Draws maps of chosen times into a PNG; says which times they are.
    ///
    /// # Errors
    /// Where nothing is found, a load fails, or the picture cannot be written.
    pub fn plot(&self, request: &PlotRequest, path: &Path, options: &LoadOptions<'_>) -> Result<Vec<Timestamp>, Error> {
        let (products, datasets) = self.find_for_load(&request.search)?;
        let mut spec = request.spec.clone().scale(true);
        let default = products.first().and_then(|p| p.measurements.first()).map(|m| m.name.clone());
        if spec.names().is_none() {
            spec = spec.measurements(default);
        }
        let spec = place::complete_grid(spec, &products, &datasets, request.search.area.as_ref())?;
        let geobox = cube_load::output_geobox(&spec, &products, request.search.area.as_ref(), &datasets)?;
        let groups = choose(group(datasets, spec.grouping())?, &request.times)?;
        if request.rgb && groups.len() > 1 {
            let there = groups.iter().map(|g| g.time.to_string()).collect::<Vec<_>>().join(", ");
            let reason = format!(
                "a picture in natural colours shows one time, and these are {}: {there}; choose one with --times",
                groups.len()
            );
            return Err(Error::Usage { reason });
        }
        let plan = cube_load::plan(&products, &groups, geobox, &spec)?;
        let cube = crate::run(&plan, options)?.cube;
        let picture = if request.rgb { rgb(&cube, request)? } else { maps(&cube, request, &products[0].description)? };
        picture::write_png(path, &picture)?;
        Ok(cube.times)
    }
}

/// The first groups inside the chosen times, in their order; without a choice, some spread evenly.
fn choose(groups: Vec<DatasetGroup>, times: &[String]) -> Result<Vec<DatasetGroup>, Error> {
    let mut picked = Vec::new();
    if times.is_empty() {
        let n = groups.len().min(MOST_PANELS);
        picked.extend((0..n).map(|i| if n == 1 { 0 } else { i * (groups.len() - 1) / (n - 1) }));
    }
    for text in times {
        let wanted: TimeRange = text.trim().parse()?;
        let inside = groups.iter().position(|g| wanted.begin <= g.time && g.time <= wanted.end);
        let Some(n) = inside else {
            let list = groups.iter().map(|g| g.time.to_string()).collect::<Vec<_>>();
            let there = if list.len() > 8 {
                format!("{} from {} to {}", list.len(), list[0], list[list.len() - 1])
            } else {
                list.join(", ")
            };
            return Err(Error::NoSuchTime { asked: text.clone(), there });
        };
        picked.push(n);
    }
    picked.sort_unstable();
    picked.dedup();
    Ok(groups.into_iter().enumerate().filter(|(n, _)| picked.contains(n)).map(|(_, g)| g).collect())
}

/// `2034-05-15` or, where the planes are not all of one time of day, `2034-05-15 12:00`.
fn titles(times: &[Timestamp]) -> Vec<String> {
    let of_day = |time: &Timestamp| time.as_second().rem_euclid(86_400);
    let one_time_of_day = times.windows(2).all(|pair| of_day(&pair[0]) == of_day(&pair[1]));
    let format = if one_time_of_day { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M" };
    times.iter().map(|time| time.strftime(format).to_string()).collect()
}

fn maps(cube: &Cube, request: &PlotRequest, description: &str) -> Result<picture::Picture, Error> {
    let mut panels = Vec::new();
    let mut units = String::new();
    for (name, array) in &cube.arrays {
        let display = Display::of(&array.measurement.units, request.celsius);
        if panels.is_empty() {
            units.clone_from(&display.units);
        } else if units != display.units {
            let reason = format!(
                "one picture has one colour bar: {name} is in {}, what stands before it in {units}; choose with -m",
                display.units
            );
            return Err(Error::Usage { reason });
        }
        let values = cube_analysis::real_values(array).into_dimensionality::<Ix3>().map_err(|_| Error::Usage {
            reason: format!("{name} has an extra dimension; a map shows one plane of it"),
        })?;
        #[expect(clippy::cast_possible_truncation, reason = "a picture has eight bits a colour")]
        let planes = values.outer_iter().map(|plane| plane.mapv(|v| display.value(v) as f32)).collect::<Vec<_>>();
        for (title, data) in titles(&cube.times).into_iter().zip(planes) {
            let title = if cube.arrays.len() > 1 { format!("{name}  {title}") } else { title };
            panels.push(Panel { title, data, geobox: cube.geobox.clone() });
        }
    }
    let names = cube.arrays.keys().cloned().collect::<Vec<_>>().join(", ");
    let title = request.title.clone().unwrap_or_else(|| format!("{names}: {description}"));
    let label = if units == "1" || units.is_empty() { names } else { format!("{names} ({units})") };
    let temperature = matches!(units.as_str(), "K" | "°C");
    let colours = request.colours.as_deref().unwrap_or(if temperature { "temperature" } else { "viridis" });
    let mut style = MapStyle::new(&title).units(&label).colours(colours)?;
    if let Some((low, high)) = request.range {
        style = style.range(low, high);
    }
    Ok(picture::map_panels(&panels, &style)?)
}

fn rgb(cube: &Cube, request: &PlotRequest) -> Result<picture::Picture, Error> {
    Ok(picture::rgb_cube(cube, 0, request.title.as_deref())?)
}
