//! Questions to the catalog whose answers are no datasets: fields, counts, extents.

use cube_catalog::{Extent, PeriodCount};
use cube_geo::Crs;
use cube_model::{CalendarPeriod, Dataset, Search, TimeRange};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::{Datacube, Error};

/// Datasets that are read at once where there may be any number of them.
const AT_ONCE: usize = 500;

impl Datacube {
    /// The ids of the datasets that a search finds, in its order.
    ///
    /// # Errors
    /// As [`Datacube::find_datasets`].
    pub fn find_ids(&self, search: &Search) -> Result<Vec<Uuid>, Error> {
        self.wait(self.catalog.search_ids(search))
    }

    /// Hands the datasets that a search finds to `each`, some at a time and in its order, so that any number of them takes
    /// little memory. The search is one question; the datasets are read after it, and one that is deleted meanwhile is left
    /// out. Answers how many there were.
    ///
    /// # Errors
    /// As [`Datacube::find_datasets`], and what `each` says, which ends it.
    pub fn each_dataset<E: From<Error>>(
        &self,
        search: &Search,
        mut each: impl FnMut(Vec<Dataset>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let mut count = 0;
        for ids in self.find_ids(search)?.chunks(AT_ONCE) {
            let datasets = self.wait(self.catalog.datasets(ids))?;
            count += datasets.len();
            each(datasets)?;
        }
        Ok(count)
    }

    /// Chosen fields of the datasets that a search finds, in its order: a list as long as `fields` each.
    ///
    /// A field is `id`, `product`, `metadata_type`, `time`, `lon`, `lat`, `location` (or `uri`), `indexed_time`,
    /// `archived`, `label`, a search field of the products, or the place of a value in the document with points between the
    /// keys (`properties.eo:gsd`; `.crs` for the outermost). Times are text in UTC; a range is `{"begin": …, "end": …}`, null
    /// at an open end; longitudes across the antimeridian go on past 180; what is not there is null.
    ///
    /// # Errors
    /// As [`Datacube::find_datasets`], or where no product searched has a field.
    pub fn search_returning(
        &self,
        search: &Search,
        fields: &[impl AsRef<str> + Sync],
    ) -> Result<Vec<Vec<Value>>, Error> {
        self.wait(self.catalog.search_returning(search, fields))
    }

    /// As [`Datacube::search_returning`], some at a time: see [`Datacube::each_dataset`].
    ///
    /// # Errors
    /// As [`Datacube::search_returning`], and what `each` says, which ends it.
    pub fn each_row<E: From<Error>>(
        &self,
        search: &Search,
        fields: &[impl AsRef<str> + Sync],
        mut each: impl FnMut(Vec<Vec<Value>>) -> Result<(), E>,
    ) -> Result<usize, E> {
        // A field that is not there is told also where nothing is found.
        self.fields_of(&[], search, fields)?;
        let mut count = 0;
        for ids in self.find_ids(search)?.chunks(AT_ONCE) {
            let rows = self.fields_of(ids, search, fields)?;
            count += rows.len();
            each(rows)?;
        }
        Ok(count)
    }

    /// Chosen fields of these datasets, as of [`Datacube::search_returning`]: of those that are there, in the order of the
    /// ids. `search` says of which products the fields may be.
    ///
    /// # Errors
    /// Where no product searched has a field.
    pub fn fields_of(
        &self,
        ids: &[Uuid],
        search: &Search,
        fields: &[impl AsRef<str> + Sync],
    ) -> Result<Vec<Vec<Value>>, Error> {
        self.wait(self.catalog.fields_of(ids, search, fields))
    }

    /// How many datasets of each product a search finds: each product that it asks for, by name, also those without any.
    ///
    /// # Errors
    /// As [`Datacube::find_datasets`].
    pub fn count_by_product(&self, search: &Search) -> Result<Vec<(String, u64)>, Error> {
        self.wait(self.catalog.count_by_product(search))
    }

    /// How many datasets of each product a search finds in each period of the calendar, by overlap. The periods go from
    /// the first to the last time asked for; an open end is that of the product's own datasets, with the calendar.
    ///
    /// # Errors
    /// As [`Datacube::find_datasets`], or where there are more than 20,000 periods.
    pub fn count_through_time(&self, search: &Search, period: CalendarPeriod) -> Result<Vec<PeriodCount>, Error> {
        self.wait(self.catalog.count_through_time(search, period))
    }

    /// Where and when the datasets that a search finds are; `None` where it finds none. The outline of their footprints is
    /// in longitude and latitude, or in `crs`.
    ///
    /// # Errors
    /// As [`Datacube::find_datasets`], or where the outline has no image in the CRS.
    pub fn extent(&self, search: &Search, crs: Option<&Crs>) -> Result<Option<Extent>, Error> {
        self.wait(self.catalog.extent(search, crs))
    }

    /// From the first begin to the last end of the datasets that a search finds; `None` where it finds none.
    ///
    /// # Errors
    /// As [`Datacube::find_datasets`].
    pub fn temporal_extent(&self, search: &Search) -> Result<Option<TimeRange>, Error> {
        self.wait(self.catalog.temporal_extent(search))
    }

    /// When a dataset of a product was last added, changed or archived; `None` where it has none.
    ///
    /// # Errors
    /// Where there is no such product.
    pub fn most_recent_change(&self, product: &str) -> Result<Option<Timestamp>, Error> {
        self.wait(self.catalog.most_recent_change(product))
    }
}
