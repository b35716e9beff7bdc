//! What can go wrong in a catalog.

use cube_geo::FootprintError;
use uuid::Uuid;

use crate::near::suggestion;

/// A result of the catalog.
pub type Result<T, E = CatalogError> = std::result::Result<T, E>;

/// A catalog could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The URL is not one of a catalog.
    #[error("{url:?} is not the URL of a catalog: {reason}. Give sqlite:///path, memory: or postgresql://…")]
    Url {
        /// The URL as given, without a password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The search itself is faulty.
    #[error(transparent)]
    Search(#[from] cube_model::SearchError),
    /// There is no index of the Open Data Cube to read.
    #[error("no index of the Open Data Cube can be read from {url}: {reason}")]
    NoOdcIndex {
        /// The URL, without its password.
        url: String,
        /// Why, and what to do.
        reason: String,
    },
    /// There is nothing at the URL.
    #[error("there is no catalog at {url}: make one with `cube init --catalog {url}`")]
    Missing {
        /// The URL.
        url: String,
    },
    /// The database has ODC's tables and none of ours.
    #[error("{url} is an ODC catalog: run `cube init --catalog {url}`, then `cube index --from-odc {url}`")]
    OdcCatalog {
        /// The URL, without its password.
        url: String,
    },
    /// The file of a catalog cannot be created or opened, or its server not be reached.
    #[error("the catalog {url} cannot be opened: {reason}")]
    Unopenable {
        /// The URL.
        url: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The database belongs to somebody else.
    #[error("{url} is not a cube catalog ({reason}): it is left as it is, name another file")]
    Foreign {
        /// The URL.
        url: String,
        /// How it can be told.
        reason: String,
    },
    /// The schema was written by a newer version of this program.
    #[error(
        "the catalog {url} has schema version {found}, this program knows versions up to {known}: use a newer cube"
    )]
    TooNew {
        /// The URL.
        url: String,
        /// The version there.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// The schema is from an older version of this program.
    #[error(
        "the catalog {url} has schema version {found}, this program needs {known}: upgrade it with `cube init --catalog {url}`"
    )]
    TooOld {
        /// The URL.
        url: String,
        /// The version there.
        found: i64,
        /// The version needed.
        known: i64,
    },
    /// The schema could not be created or upgraded; it is as it was before.
    #[error("the schema of the catalog {url} could not be brought to version {known}, it is as it was: {source}")]
    Migration {
        /// The URL.
        url: String,
        /// The version wanted.
        known: i64,
        /// What the database says.
        source: sqlx::migrate::MigrateError,
    },
    /// The database refuses.
    #[error("the catalog failed while {doing}, nothing of it was kept: {source}")]
    Sql {
        /// What was being done.
        doing: &'static str,
        /// What the database says.
        source: sqlx::Error,
    },
    /// The connection broke while the changes were made final.
    #[error(
        "the connection to the catalog broke while committing ({source}), and it is not known whether the changes were kept: do the same again, what is there already stays as it is"
    )]
    Uncertain {
        /// How it broke.
        source: sqlx::Error,
    },
    /// A product was deleted while its datasets were written.
    #[error("a product was deleted while its datasets were changed, nothing of it was kept: see `cube product list`")]
    ProductGone,
    /// Somebody else writes for too long.
    #[error(
        "the catalog is locked by another writer for more than {seconds} s while {doing}, nothing of it was kept: try again"
    )]
    Locked {
        /// What was being done.
        doing: &'static str,
        /// How long was waited.
        seconds: u64,
    },
    /// A product is not in the catalog.
    #[error("there is no product {name:?}: {}", suggestion(near, "see `cube product list`"))]
    UnknownProduct {
        /// The name as given.
        name: String,
        /// Names it may have meant.
        near: Vec<String>,
    },
    /// A metadata type is not in the catalog.
    #[error("there is no metadata type {name:?}: {}", suggestion(near, "see `cube metadata list`"))]
    UnknownMetadataType {
        /// The name as given.
        name: String,
        /// Names it may have meant.
        near: Vec<String>,
    },
    /// A product of this name with another definition is there.
    #[error("product {name:?} is already there with another definition: {}. Use `cube product update` to change it", changes.join("; "))]
    ProductDiffers {
        /// Its name.
        name: String,
        /// What differs, a phrase each.
        changes: Vec<String>,
    },
    /// A metadata type of this name with another definition is there.
    #[error("metadata type {name:?} is already there with another definition: {}. Use `cube metadata update` to change it", changes.join("; "))]
    MetadataTypeDiffers {
        /// Its name.
        name: String,
        /// What differs, a phrase each.
        changes: Vec<String>,
    },
    /// A change of a product could make the datasets that are there wrong.
    #[error("product {name:?} has {datasets} datasets that this change may make wrong: {}. Add --allow-unsafe if it is meant", changes.join("; "))]
    UnsafeChange {
        /// Its name.
        name: String,
        /// How many datasets it has, archived ones counted.
        datasets: u64,
        /// The changes that are not safe, a phrase each.
        changes: Vec<String>,
    },
    /// A change of a metadata type could make the datasets that are there wrong.
    #[error("{datasets} datasets are described by metadata type {name:?}, and this change may make searches for them wrong: {}. Add --allow-unsafe if it is meant", changes.join("; "))]
    UnsafeMetadataChange {
        /// Its name.
        name: String,
        /// How many datasets its products have, archived ones counted.
        datasets: u64,
        /// The changes that are not safe, a phrase each.
        changes: Vec<String>,
    },
    /// A product that has datasets cannot be deleted.
    #[error(
        "product {name:?} has {datasets} active datasets and is not deleted: archive them first, or add --force to delete them with it"
    )]
    ProductInUse {
        /// Its name.
        name: String,
        /// How many active datasets it has.
        datasets: u64,
    },
    /// A search names a field that no product searched has.
    #[error("{of} no search field {field:?}; there are {}{}", known.join(", "), meant(near))]
    UnknownField {
        /// The field as given.
        field: String,
        /// Fields it may have meant.
        near: Vec<String>,
        /// The product, or what else was searched, with the verb: `product "a" has`.
        of: String,
        /// The fields there are.
        known: Vec<String>,
    },
    /// A search value does not fit its field.
    #[error("search field {field:?} holds {kind} values, {value} is none: {hint}")]
    FieldValue {
        /// The field.
        field: String,
        /// What it holds.
        kind: &'static str,
        /// The value as given.
        value: String,
        /// What to give instead.
        hint: &'static str,
    },
    /// A count through time has absurdly many periods.
    #[error("there are more than {most} periods to count: take a longer period, a shorter time or fewer products")]
    TooManyPeriods {
        /// The limit.
        most: usize,
    },
    /// Datasets are not in the catalog.
    #[error("{}", unknown_datasets(ids))]
    UnknownDatasets {
        /// Their ids.
        ids: Vec<Uuid>,
    },
    /// Active datasets are purged only by force.
    #[error("{} of the datasets are active, {} the first of them: archive them before they are purged, or add --force", ids.len(), ids.first().copied().unwrap_or_default())]
    NotArchived {
        /// Their ids.
        ids: Vec<Uuid>,
    },
    /// A dataset moved to another product.
    #[error("dataset {id} is in product {there:?} and cannot become one of {given:?}: purge it first")]
    OtherProduct {
        /// Its id.
        id: Uuid,
        /// The product it is in.
        there: String,
        /// The product it was given with.
        given: String,
    },
    /// A footprint cannot be shown in longitude and latitude.
    #[error("the footprint of dataset {id} cannot be indexed: {source}")]
    Footprint {
        /// The dataset.
        id: Uuid,
        /// Why.
        source: FootprintError,
    },
    /// The area of a search cannot be shown in longitude and latitude.
    #[error("the area of the search is not usable: {source}")]
    Area {
        /// Why.
        source: FootprintError,
    },
    /// A document of lineage cannot be understood.
    #[error("{place}: {reason}")]
    LineageDocument {
        /// The document.
        place: String,
        /// What was expected and what came.
        reason: String,
    },
    /// A classifier or home is an empty name.
    #[error("the lineage of dataset {id} has {what} with an empty name: give it one")]
    LineageEmpty {
        /// The dataset.
        id: Uuid,
        /// What is empty, with its article.
        what: &'static str,
    },
    /// The lineage that is given says two things of one pair of datasets.
    #[error(
        "dataset {derived} is made from {source_dataset} twice, as {first:?} and as {second:?}: leave one of them out"
    )]
    LineageContradicts {
        /// The derived dataset.
        derived: Uuid,
        /// Its source.
        source_dataset: Uuid,
        /// One classifier.
        first: String,
        /// The other classifier.
        second: String,
    },
    /// The lineage that is given says two homes of one dataset.
    #[error("dataset {id} has two homes, {first:?} and {second:?}: leave one of them out")]
    HomeContradicts {
        /// The dataset.
        id: Uuid,
        /// One home.
        first: String,
        /// The other home.
        second: String,
    },
    /// The lineage that is given and that of the catalog differ.
    #[error(
        "dataset {derived} is made from {source_dataset} as {there:?} in the catalog, not as {given:?}: add --allow-updates to change it"
    )]
    LineageDiffers {
        /// The derived dataset.
        derived: Uuid,
        /// Its source.
        source_dataset: Uuid,
        /// The classifier in the catalog.
        there: String,
        /// The classifier given.
        given: String,
    },
    /// A dataset would be made from itself.
    #[error(
        "the lineage would be a circle: dataset {derived} cannot be made from {source_dataset}, which is made from it"
    )]
    LineageCircle {
        /// The derived dataset of an edge of the circle.
        derived: Uuid,
        /// Its source.
        source_dataset: Uuid,
    },
    /// A dataset is at home somewhere else.
    #[error("dataset {id} is at home in {there:?}, not in {given:?}: add --allow-updates to change it")]
    HomeDiffers {
        /// The dataset.
        id: Uuid,
        /// Its home in the catalog.
        there: String,
        /// The home given.
        given: String,
    },
    /// A lineage is too large for one tree.
    #[error("the lineage of dataset {id} has more than {most} datasets: ask for less of it with --depth")]
    TooMuchLineage {
        /// The dataset that it starts from.
        id: Uuid,
        /// The limit.
        most: usize,
    },
    /// The maturity of a dataset cannot be compared.
    #[error("the maturity of dataset {id} cannot be compared: {reason}")]
    NoMaturity {
        /// The dataset.
        id: Uuid,
        /// What it lacks.
        reason: String,
    },
    /// A version of a dataset that is as mature or more so is there.
    #[error(
        "dataset {id} is {maturity}, and dataset {there} of the same product, region and time, which is {mature}, is in the catalog already: archive the one that is not wanted"
    )]
    NotMoreMature {
        /// The dataset.
        id: Uuid,
        /// Its maturity.
        maturity: String,
        /// The dataset in the catalog.
        there: Uuid,
        /// Its maturity.
        mature: String,
    },
    /// No product has all fields of a question.
    #[error("{}", no_fields_in_common(fields))]
    NoFieldsInCommon {
        /// The fields as given.
        fields: Vec<String>,
    },
    /// A location cannot be searched for.
    #[error("the location {location:?} cannot be searched for: {reason}")]
    Location {
        /// As given.
        location: String,
        /// Why.
        reason: String,
    },
    /// What the catalog holds does not read back.
    #[error(
        "the catalog holds {what} that cannot be read ({reason}): it was written by another version or damaged; index it again"
    )]
    Unreadable {
        /// What it is.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// `. Did you mean a or b?`, where something is near.
fn meant(near: &[String]) -> String {
    suggestion(near, "").strip_prefix('d').map_or_else(String::new, |rest| format!(". D{rest}"))
}

impl CatalogError {
    /// True where the database ended a transaction for the sake of another, and nothing is wrong with it.
    pub(crate) fn is_passing(&self) -> bool {
        let Self::Sql { source, .. } = self else { return false };
        // PostgreSQL's serialization_failure and deadlock_detected.
        let code = source.as_database_error().and_then(sqlx::error::DatabaseError::code);
        matches!(code.as_deref(), Some("40001" | "40P01"))
    }
}

fn unknown_datasets(ids: &[Uuid]) -> String {
    match ids {
        [one] => format!("dataset {one} is not in the catalog"),
        [first, ..] => format!("{} datasets are not in the catalog, {first} the first of them", ids.len()),
        [] => "a dataset is not in the catalog".to_owned(),
    }
}

fn no_fields_in_common(fields: &[String]) -> String {
    match fields {
        [] => "name the fields that duplicates share, such as region_code and time".to_owned(),
        [one] => format!("no product has the search field {one:?}: `cube metadata list` shows those that there are"),
        many => format!("no product has all of the search fields {}: ask for fewer of them", many.join(", ")),
    }
}
