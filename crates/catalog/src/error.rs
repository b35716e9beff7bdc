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
    /// The store for this kind of database is not there.
    #[error(
        "{url} cannot be opened: catalogs on PostgreSQL come with the PostGIS store, which this version does not have. Use sqlite:///path"
    )]
    NoPostgis {
        /// The URL, without its password.
        url: String,
    },
    /// The search itself is faulty.
    #[error(transparent)]
    Search(#[from] cube_model::SearchError),
    /// There is nothing at the URL.
    #[error("there is no catalog at {url}: make one with `cube init --catalog {url}`")]
    Missing {
        /// The URL.
        url: String,
    },
    /// The file of a catalog cannot be created or opened.
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
    #[error("metadata type {name:?} is already there with another definition: {}", changes.join("; "))]
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
    #[error("{of} no search field {field:?}; there are {}", known.join(", "))]
    UnknownField {
        /// The field as given.
        field: String,
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

fn unknown_datasets(ids: &[Uuid]) -> String {
    match ids {
        [one] => format!("dataset {one} is not in the catalog"),
        [first, ..] => format!("{} datasets are not in the catalog, {first} the first of them", ids.len()),
        [] => "a dataset is not in the catalog".to_owned(),
    }
}
