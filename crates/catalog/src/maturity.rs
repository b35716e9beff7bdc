//! Maturity: a scene is processed more than once, soon after it was taken (`nrt`), later (`interim`) and for good
//! (`final`); the last of them should be found.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use cube_model::{Dataset, FieldContent, FieldTerm, FieldTest, Status};
use jiff::SignedDuration;
use serde_json::Value;
use uuid::Uuid;

use crate::definitions::{Definitions, ProductEntry, parsed};
use crate::life::{ArchiveOptions, Chosen};
use crate::rows::{Micros, Selection};
use crate::store::Transaction;
use crate::terms::{Compiled, compile};
use crate::{Catalog, CatalogError, Result};

/// How far apart the times of two versions of a dataset may lie: ODC's.
pub const MATURITY_DELTA: Duration = Duration::from_millis(500);

/// How mature a dataset is, the most mature first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Maturity {
    Final,
    Interim,
    Nrt,
}

impl Maturity {
    fn of_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "final" => Some(Self::Final),
            "interim" => Some(Self::Interim),
            "nrt" => Some(Self::Nrt),
            _ => None,
        }
    }
}

impl fmt::Display for Maturity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Final => "final",
            Self::Interim => "interim",
            Self::Nrt => "nrt",
        })
    }
}

/// What versions of a dataset share, and how mature this one is.
struct Version {
    id: Uuid,
    product: i64,
    region: FieldTerm,
    /// Its time, widened by the difference that is allowed.
    time: Micros,
    maturity: Maturity,
}

impl Version {
    fn of(dataset: &Dataset, entry: &ProductEntry, delta: Duration) -> Result<Self> {
        let lacks = |reason: &str| CatalogError::NoMaturity { id: dataset.id, reason: reason.to_owned() };
        let field = |name: &str| entry.metadata_type.search_fields.get(name)?.extract(&dataset.document);
        let Some(FieldContent::Value(region)) = field("region_code") else {
            return Err(lacks("it has no region_code"));
        };
        let delta = SignedDuration::try_from(delta).unwrap_or(SignedDuration::MAX);
        let begin = dataset.time.begin.saturating_sub(delta).unwrap_or(dataset.time.begin);
        let end = dataset.time.end.saturating_add(delta).unwrap_or(dataset.time.end);
        Ok(Self {
            id: dataset.id,
            product: entry.key,
            region: FieldTerm { name: "region_code".to_owned(), any: vec![FieldTest::Equals(region)], negated: false },
            time: Micros::around(begin, end),
            maturity: maturity(&dataset.document, entry).map_err(|reason| lacks(&reason))?,
        })
    }
}

fn maturity(document: &Value, entry: &ProductEntry) -> std::result::Result<Maturity, String> {
    let field = entry.metadata_type.search_fields.get("dataset_maturity").and_then(|field| field.extract(document));
    let Some(FieldContent::Value(value)) = field else { return Err("it has no dataset_maturity".to_owned()) };
    let name = value.as_text();
    Maturity::of_name(&name)
        .ok_or_else(|| format!("its dataset_maturity is {name:?}, which is none of final, interim and nrt"))
}

impl Catalog {
    /// The active datasets that are less mature versions of this one: those of the same product and `region_code` whose
    /// time lies within `delta` of its own ([`MATURITY_DELTA`]) and whose `dataset_maturity` comes later in the order
    /// final, interim, nrt. The dataset itself need not be in the catalog.
    ///
    /// # Errors
    /// Where one that is as mature or more mature is there; where `region_code` or `dataset_maturity` is missing, of the
    /// dataset or of another version; where its product is not there.
    pub async fn find_less_mature(&self, dataset: &Dataset, delta: Duration) -> Result<Vec<Uuid>> {
        let (mut transaction, definitions) = self.read().await?;
        let entry = definitions.product(&dataset.product)?;
        let version = Version::of(dataset, entry, delta)?;
        less_mature(&mut *transaction, &definitions, entry, &version, &HashSet::new()).await
    }

    /// Archives the less mature versions of a dataset, and answers their ids.
    ///
    /// # Errors
    /// As [`Catalog::find_less_mature`]: then none is archived.
    pub async fn archive_less_mature(&self, dataset: &Dataset, delta: Duration) -> Result<Vec<Uuid>> {
        let ids = self.find_less_mature(dataset, delta).await?;
        let archived = self.archive_with(Chosen::Ids(&ids), ArchiveOptions::default()).await?;
        Ok(archived.into_iter().map(|touched| touched.id).collect())
    }

    /// What [`Catalog::find_less_mature`] says of each of some datasets that are to be added one after the other, in one
    /// state of the catalog: those that come before in the list count as if they were there, where nothing speaks
    /// against them. A dataset that is archived in the catalog has no say and answers nothing.
    ///
    /// # Errors
    /// Where the database refuses. What speaks against one dataset stands in its own place of the list.
    pub async fn find_less_mature_of(&self, datasets: &[Dataset], delta: Duration) -> Result<Vec<Result<Vec<Uuid>>>> {
        let (mut transaction, definitions) = self.read().await?;
        let ids: Vec<Uuid> = datasets.iter().map(|dataset| dataset.id).collect();
        let known = transaction.known(&ids).await?;
        let archived: HashSet<Uuid> = known.into_iter().filter(|row| row.archived).map(|row| row.id).collect();
        // By product and region, for what comes before in the list.
        let mut before: HashMap<(i64, String), Vec<Version>> = HashMap::new();
        // What those before archive has no say any more.
        let mut gone = HashSet::new();
        let mut answers = Vec::with_capacity(datasets.len());
        for dataset in datasets {
            if archived.contains(&dataset.id) {
                answers.push(Ok(Vec::new()));
                continue;
            }
            let version = definitions.product(&dataset.product).and_then(|e| Ok((e, Version::of(dataset, e, delta)?)));
            let (entry, version) = match version {
                Ok(version) => version,
                Err(error) => {
                    answers.push(Err(error));
                    continue;
                }
            };
            let mut found = less_mature(&mut *transaction, &definitions, entry, &version, &gone).await;
            let list = before.entry((version.product, format!("{:?}", version.region))).or_default();
            if let Ok(less) = &mut found {
                let near = |other: &&Version| other.id != version.id && close(other, dataset);
                for other in list.iter().filter(near) {
                    if other.maturity > version.maturity {
                        less.push(other.id);
                    } else {
                        found = Err(not_more_mature(&version, other.id, other.maturity));
                        break;
                    }
                }
            }
            if let Ok(less) = &mut found {
                less.sort_unstable();
                less.dedup();
                gone.extend(less.iter().copied());
                list.retain(|other| !less.contains(&other.id));
                list.push(version);
            }
            answers.push(found);
        }
        Ok(answers)
    }
}

/// Whether a version's widened time touches the time of a dataset.
fn close(version: &Version, dataset: &Dataset) -> bool {
    version.time.overlaps(Micros::around(dataset.time.begin, dataset.time.end))
}

fn not_more_mature(version: &Version, there: Uuid, mature: Maturity) -> CatalogError {
    CatalogError::NotMoreMature {
        id: version.id,
        maturity: version.maturity.to_string(),
        there,
        mature: mature.to_string(),
    }
}

/// The less mature versions of this one. Nothing speaks against it that is `gone`.
async fn less_mature(
    transaction: &mut dyn Transaction,
    definitions: &Definitions,
    entry: &ProductEntry,
    version: &Version,
    gone: &HashSet<Uuid>,
) -> Result<Vec<Uuid>> {
    let terms = match compile(&version.region, &[entry], definitions)? {
        Compiled::Values(term) => vec![term],
        Compiled::Place(_) => Vec::new(),
    };
    let selection = Selection {
        products: Some(vec![version.product]),
        times: vec![version.time],
        terms,
        status: Status::Active,
        ..Selection::default()
    };
    let mut ids: Vec<Uuid> = transaction.candidates(&selection).await?.into_iter().map(|c| c.id).collect();
    ids.retain(|id| *id != version.id);
    let mut less = Vec::with_capacity(ids.len());
    for row in transaction.stored(&ids, false).await? {
        let document = parsed(&row.document, || format!("dataset {}", row.id))?;
        let other = maturity(&document, entry).map_err(|reason| CatalogError::NoMaturity { id: row.id, reason })?;
        if other > version.maturity {
            less.push(row.id);
        } else if !gone.contains(&row.id) {
            return Err(not_more_mature(version, row.id, other));
        }
    }
    less.sort_unstable();
    Ok(less)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn final_comes_before_interim_before_nrt() {
        let [last, between, first] = ["final", "Interim", "nrt"].map(|name| Maturity::of_name(name).unwrap());
        assert!(last < between && between < first);
        assert_eq!(Maturity::of_name("provisional"), None);
        assert_eq!([last, between, first].map(|m| m.to_string()), ["final", "interim", "nrt"]);
    }
}
