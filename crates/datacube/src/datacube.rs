//! The facade: a catalog and a load engine behind blocking calls.

use std::sync::Arc;
use std::time::Duration;

use cube_catalog::Catalog;
use cube_geo::GeoBox;
use cube_load::{Explanation, LoadPlan, LoadSpec};
use cube_model::{Cube, Dataset, MetadataType, Product, Search, Status};
use cube_raster::Access;
use uuid::Uuid;

use crate::load::{LoadOptions, run};
use crate::{Config, Error};

/// How long the end of a program waits for its catalog.
const LONGEST_CLOSE: Duration = Duration::from_secs(5);

/// An open catalog, and the engine that loads what it finds. Calls block; they may come from several threads.
pub struct Datacube {
    pub(crate) catalog: Catalog,
    runtime: tokio::runtime::Runtime,
    config: Config,
    pub(crate) access: Access,
}

impl Drop for Datacube {
    /// Closes the catalog: an embedded one is then whole in its one file, with nothing left in its log.
    fn drop(&mut self) {
        // What waits may not stand in what others wait for; the connections then close by themselves.
        if tokio::runtime::Handle::try_current().is_ok() {
            return;
        }
        let close = async { tokio::time::timeout(LONGEST_CLOSE, self.catalog.close()).await };
        match self.runtime.block_on(close) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the catalog is left open"),
            Err(_) => tracing::warn!("the catalog does not answer, and is left open"),
        }
    }
}

impl Datacube {
    /// Opens an existing catalog.
    ///
    /// # Errors
    /// Where it cannot be reached, has no schema yet, or one that is newer than this program.
    pub fn open(config: &Config) -> Result<Self, Error> {
        let runtime = runtime()?;
        let catalog = runtime.block_on(Catalog::open(&config.catalog))?;
        Ok(Self { catalog, runtime, config: config.clone(), access: Access::default() })
    }

    /// Creates the catalog's schema or upgrades it, then opens it. Doing so twice changes nothing. The directory of the
    /// default catalog is made too; that of any other must be there, so that a mistyped path makes none.
    ///
    /// # Errors
    /// Where it cannot be reached or written, or its schema is newer than this program.
    pub fn init(config: &Config) -> Result<Self, Error> {
        config.make_default_directory()?;
        let runtime = runtime()?;
        let catalog = runtime.block_on(Catalog::init(&config.catalog))?;
        Ok(Self { catalog, runtime, config: config.clone(), access: Access::default() })
    }

    /// The configuration that it was opened with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Waits for a call of the catalog.
    pub(crate) fn wait<T>(
        &self,
        call: impl Future<Output = Result<T, cube_catalog::CatalogError>>,
    ) -> Result<T, Error> {
        Ok(self.runtime.block_on(call)?)
    }

    /// All products, by name.
    ///
    /// # Errors
    /// Where the catalog cannot be read.
    pub fn products(&self) -> Result<Vec<Arc<Product>>, Error> {
        self.wait(self.catalog.products())
    }

    /// The product of this name.
    ///
    /// # Errors
    /// Where there is none: the error names those with a similar name.
    pub fn product(&self, name: &str) -> Result<Arc<Product>, Error> {
        self.wait(self.catalog.require_product(name))
    }

    /// All metadata types, by name.
    ///
    /// # Errors
    /// Where the catalog cannot be read.
    pub fn metadata_types(&self) -> Result<Vec<Arc<MetadataType>>, Error> {
        self.wait(self.catalog.metadata_types())
    }

    /// The datasets that a search finds, ordered by (centre time, id).
    ///
    /// # Errors
    /// Where a product or field of the search does not exist, or the catalog cannot be read.
    pub fn find_datasets(&self, search: &Search) -> Result<Vec<Dataset>, Error> {
        self.wait(self.catalog.search(search))
    }

    /// How many datasets a search finds.
    ///
    /// # Errors
    /// As [`Datacube::find_datasets`].
    pub fn count(&self, search: &Search) -> Result<u64, Error> {
        self.wait(self.catalog.count(search))
    }

    /// The dataset of this id, archived or not.
    ///
    /// # Errors
    /// Where there is none.
    pub fn dataset(&self, id: Uuid) -> Result<Dataset, Error> {
        self.wait(self.catalog.dataset(id))?.ok_or(Error::NoSuchDataset { id })
    }

    /// Hides datasets from searches; says how many changed.
    ///
    /// # Errors
    /// Where one of them is not in the catalog.
    pub fn archive(&self, ids: &[Uuid]) -> Result<usize, Error> {
        self.wait(self.catalog.archive(ids))
    }

    /// Brings archived datasets back; says how many changed.
    ///
    /// # Errors
    /// Where one of them is not in the catalog.
    pub fn restore(&self, ids: &[Uuid]) -> Result<usize, Error> {
        self.wait(self.catalog.restore(ids))
    }

    /// Deletes archived datasets for good, with `force` also active ones; says how many.
    ///
    /// # Errors
    /// Where one of them is not in the catalog, or is active and `force` is not set.
    pub fn purge(&self, ids: &[Uuid], force: bool) -> Result<usize, Error> {
        self.wait(self.catalog.purge(ids, force))
    }

    /// The version of the catalog's schema.
    ///
    /// # Errors
    /// Where the catalog cannot be read.
    pub fn schema_version(&self) -> Result<i64, Error> {
        self.wait(self.catalog.schema_version())
    }

    /// What a load would read and where it goes, without opening a file.
    ///
    /// # Errors
    /// Where nothing is found, or the search and the specification contradict each other.
    pub fn plan(&self, search: &Search, spec: &LoadSpec) -> Result<LoadPlan, Error> {
        let (products, datasets) = self.find_for_load(search)?;
        plan_datasets(&products, datasets, search, spec)
    }

    /// The products and datasets of a search that is to be loaded: at least one dataset.
    pub(crate) fn find_for_load(&self, search: &Search) -> Result<(Vec<Product>, Vec<Dataset>), Error> {
        if search.limit == Some(0) {
            return Err(Error::Usage { reason: "--limit 0 leaves nothing to load: give 1 or more".to_owned() });
        }
        if search.products.is_empty() {
            let reason = "a load needs a product: name one; `cube product list` shows them".to_owned();
            return Err(Error::Usage { reason });
        }
        let products = search
            .products
            .iter()
            .map(|name| Ok(self.product(name)?.as_ref().clone()))
            .collect::<Result<Vec<_>, Error>>()?;
        let datasets = self.find_datasets(search)?;
        if datasets.is_empty() {
            return Err(Error::NothingFound { reason: self.why_nothing(search)? });
        }
        Ok((products, datasets))
    }

    /// Reaches files in this way in [`Datacube::load`] and [`Datacube::explain`]: a server names the places that may be read.
    /// Without, it is the way of the process, by the variables of the environment, and all may be read.
    #[must_use]
    pub fn with_access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Plans and runs a load. What had to be left out is logged; who wants it as data calls [`Datacube::plan`] and
    /// [`run`].
    ///
    /// # Errors
    /// As [`Datacube::plan`]; and where a file cannot be read, or the result would not fit into memory.
    pub fn load(&self, search: &Search, spec: &LoadSpec) -> Result<Cube, Error> {
        let plan = self.plan(search, spec)?;
        Ok(run(&plan, &LoadOptions { access: Some(&self.access), ..LoadOptions::default() })?.cube)
    }

    /// What a load will cost: opens the files' headers, reads no pixel.
    ///
    /// # Errors
    /// As [`Datacube::plan`]; and where a file cannot be opened.
    pub fn explain(&self, search: &Search, spec: &LoadSpec) -> Result<Explanation, Error> {
        Ok(cube_load::explain(&self.plan(search, spec)?, Some(&self.access))?)
    }

    /// The output grid that a load would take.
    ///
    /// # Errors
    /// As [`Datacube::plan`].
    pub fn output_geobox(&self, search: &Search, spec: &LoadSpec) -> Result<GeoBox, Error> {
        let (products, datasets) = self.find_for_load(search)?;
        Ok(cube_load::output_geobox(spec, &products, search.area.as_ref(), &datasets)?)
    }

    /// Which term of a search leaves nothing, as a sentence. Terms are added one by one: product, place, time, then
    /// fields.
    fn why_nothing(&self, search: &Search) -> Result<String, Error> {
        let names = search.products.join(", ");
        let mut partial = Search { products: search.products.clone(), status: search.status, ..Search::default() };
        let all = self.count(&partial)?;
        if all == 0 {
            let archived = Search { status: Status::All, ..partial.clone() };
            return Ok(match self.count(&archived)? {
                0 => format!("product {names} has no datasets yet; add some with `cube index`"),
                n => format!(
                    "the datasets of product {names} are all archived ({n} of them); `cube dataset restore` brings them back"
                ),
            });
        }
        if search.ids.is_some() {
            partial.ids.clone_from(&search.ids);
            if self.count(&partial)? == 0 {
                return Ok(format!("{} has the id asked for", none_of(all, &names)));
            }
        }
        if let Some(area) = &search.area {
            partial.area = Some(area.clone());
            if self.count(&partial)? == 0 {
                let asked = area.bounding_box();
                return Ok(format!("{} touches the area asked for ({asked} in {})", none_of(all, &names), area.crs()));
            }
        }
        let here = self.count(&partial)?;
        if !search.times.is_empty() {
            partial.times.clone_from(&search.times);
            if self.count(&partial)? == 0 {
                partial.times.clear();
                let found = self.temporal_extent(&partial)?;
                let asked = search.times.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
                let there = found.map(|t| format!("; there is data from {} to {}", t.begin, t.end)).unwrap_or_default();
                let place = if search.area.is_some() { " in the area" } else { "" };
                return Ok(format!("{}{place} is of the time {asked}{there}", none_of(here, &names)));
            }
        }
        for term in &search.fields {
            partial.fields.push(term.clone());
            if self.count(&partial)? == 0 {
                let place =
                    if search.area.is_some() || !search.times.is_empty() { " of that place and time" } else { "" };
                return Ok(format!(
                    "no dataset of {names}{place} has the {} asked for; `cube search` shows what there is",
                    term.name
                ));
            }
        }
        Ok(format!("no dataset of {names} meets all terms at once; leave some out"))
    }
}

/// `none of the 12 datasets of a, b`.
fn none_of(n: u64, products: &str) -> String {
    if n == 1 {
        format!("no dataset of {products} (there is one)")
    } else {
        format!("none of the {n} datasets of {products}")
    }
}

/// The plan of a load of these datasets.
///
/// # Errors
/// Where the specification names a measurement that the products lack, or no output grid can be found.
pub fn plan_datasets(
    products: &[Product],
    datasets: Vec<Dataset>,
    search: &Search,
    spec: &LoadSpec,
) -> Result<LoadPlan, Error> {
    let geobox = cube_load::output_geobox(spec, products, search.area.as_ref(), &datasets)?;
    let groups = cube_load::group(datasets, spec.grouping())?;
    Ok(cube_load::plan(products, &groups, geobox, spec)?)
}

fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Error::NoThreads { reason: e.to_string() })
}
