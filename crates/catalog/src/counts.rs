//! How many datasets there are, by product and through time.

use cube_model::{CalendarPeriod, Search, TimeRange};
use jiff::Timestamp;

use crate::columns::searched;
use crate::definitions::ProductEntry;
use crate::rows::{Micros, Version};
use crate::search::{Plan, plan};
use crate::store::Transaction;
use crate::{Catalog, CatalogError, Result};

/// Most periods that one call counts.
const MOST_PERIODS: usize = 20_000;

/// How many datasets of a product there are in one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodCount {
    /// The product.
    pub product: String,
    /// The period, both ends included.
    pub period: TimeRange,
    /// How many datasets overlap it.
    pub count: u64,
}

impl Catalog {
    /// How many datasets of each product a search finds: each product that it asks for, by name, also those without any.
    /// Its limit and order mean nothing here.
    ///
    /// # Errors
    /// As [`Catalog::search`].
    pub async fn count_by_product(&self, search: &Search) -> Result<Vec<(String, u64)>> {
        let (mut transaction, definitions, versions) = self.begin_search(search).await?;
        let plan = plan(search, &definitions)?;
        let mut counts = Vec::new();
        for entry in by_name(searched(search, &definitions)?) {
            let times = plan.selection.times.clone();
            let count = self.count_within(&mut *transaction, &plan, entry, times, &versions).await?;
            counts.push((entry.row.name.clone(), count));
        }
        Ok(counts)
    }

    /// How many datasets of each product a search finds in each period of the calendar. A dataset counts in every period
    /// that its time overlaps, as in datacube.
    ///
    /// The periods begin where the times asked for begin and end where they end, the last one cut there. An end that is
    /// open is that of the product's own datasets, with the calendar: months begin on the first. A product without datasets
    /// has no periods then.
    ///
    /// # Errors
    /// As [`Catalog::search`], or where there are more than 20,000 periods.
    pub async fn count_through_time(&self, search: &Search, period: CalendarPeriod) -> Result<Vec<PeriodCount>> {
        let (mut transaction, definitions, versions) = self.begin_search(search).await?;
        let plan = plan(search, &definitions)?;
        let mut counts = Vec::new();
        for entry in by_name(searched(search, &definitions)?) {
            let Some(whole) = whole_time(&mut *transaction, search, &plan, entry, period).await? else { continue };
            for period in period.of(whole) {
                let asked = Micros::inside(period.begin, period.end);
                let times: Vec<Micros> = if plan.selection.times.is_empty() {
                    vec![asked]
                } else {
                    // Three times of which each two share an instant share one all together, so that the part of the
                    // period that was asked for finds what overlaps both.
                    plan.selection.times.iter().filter_map(|time| shared(*time, asked)).collect()
                };
                let count = if times.is_empty() {
                    0
                } else {
                    self.count_within(&mut *transaction, &plan, entry, times, &versions).await?
                };
                if counts.len() == MOST_PERIODS {
                    return Err(CatalogError::TooManyPeriods { most: MOST_PERIODS });
                }
                counts.push(PeriodCount { product: entry.row.name.clone(), period, count });
            }
        }
        Ok(counts)
    }

    /// How many datasets of one product a plan finds at these times.
    async fn count_within(
        &self,
        transaction: &mut dyn Transaction,
        plan: &Plan,
        entry: &ProductEntry,
        times: Vec<Micros>,
        versions: &[Version],
    ) -> Result<u64> {
        let mut plan = plan.clone();
        plan.selection.products = Some(vec![entry.key]);
        plan.selection.times = times;
        plan.limit = None;
        let versions: Vec<Version> = versions.iter().filter(|version| version.product == entry.key).copied().collect();
        self.count_of(transaction, plan, &versions).await
    }
}

/// Each product once, by name.
fn by_name(mut products: Vec<&ProductEntry>) -> Vec<&ProductEntry> {
    products.sort_by(|a, b| a.row.name.cmp(&b.row.name));
    products.dedup_by_key(|entry| entry.key);
    products
}

/// The time that is counted through: as asked for, and where that is open, as long as the product's datasets last.
async fn whole_time(
    transaction: &mut dyn Transaction,
    search: &Search,
    plan: &Plan,
    entry: &ProductEntry,
    period: CalendarPeriod,
) -> Result<Option<TimeRange>> {
    let begin = search.times.iter().map(|time| time.begin).min().filter(|at| *at > TimeRange::ALL.begin);
    let end = search.times.iter().map(|time| time.end).max().filter(|at| *at < TimeRange::ALL.end);
    if let (Some(begin), Some(end)) = (begin, end) {
        return Ok(Some(TimeRange { begin, end }));
    }
    let mut selection = plan.selection.clone();
    selection.products = Some(vec![entry.key]);
    let Some(span) = transaction.span(&selection).await? else { return Ok(None) };
    let at = |micros| Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX);
    let own = TimeRange { begin: at(span.time.begin), end: at(span.time.end) };
    let begin = begin.unwrap_or_else(|| period.around(own).begin);
    let end = match end {
        Some(end) => end,
        None if own.end < begin => return Ok(None),
        // To the end of the last period that has a dataset.
        None => period
            .of(TimeRange { begin, end: TimeRange::ALL.end })
            .find(|p| p.end >= own.end)
            .map_or(own.end, |p| p.end),
    };
    Ok((begin <= end).then_some(TimeRange { begin, end }))
}

fn shared(a: Micros, b: Micros) -> Option<Micros> {
    a.overlaps(b).then(|| Micros { begin: a.begin.max(b.begin), end: a.end.min(b.end) })
}
