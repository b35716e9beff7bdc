//! An index of ODC in both schemas of one database, with a bit of everything.

use std::path::{Path, PathBuf};

use cube_model::documents::parse;
use cube_tests::postgres::Database;
use cube_tests::{Sandbox, odc_python, product_definitions, sample_data, shared};
use serde_json::{Value, json};

const PROGRAM: &str = include_str!("make_index.py");

/// A dataset from before EO3.
pub(crate) const LEGACY: &str = "00000000-0000-4000-8000-00000000e0e0";
/// When one was archived, to the microsecond.
pub(crate) const ARCHIVED_AT: &str = "2034-11-05T06:07:08.987654Z";
/// Where a dataset that ODC knows by name is at home.
pub(crate) const HOME: &str = "the other index";

pub(crate) struct Source {
    database: Database,
    files: Sandbox,
    /// Id and path of what datacube took, by schema.
    added: [Vec<(String, String)>; 2],
    /// Ids of the datasets of the project itself.
    sample: Vec<String>,
    /// A dataset that is archived.
    pub(crate) archived: String,
    /// A dataset that was indexed long ago.
    pub(crate) early: String,
    /// A dataset with lineage.
    pub(crate) derived: String,
    /// Its sources of one classifier.
    pub(crate) ard: Vec<String>,
    /// A dataset that is not in the index, made from `early`.
    pub(crate) external: String,
}

impl Source {
    /// Makes it; `None`, with the reason printed, where this machine has no PostgreSQL or no datacube.
    pub(crate) fn make() -> Option<Self> {
        let database = Database::new()?;
        database.sql("CREATE EXTENSION postgis");
        let files = Sandbox::new();
        let mut paths = below(&sample_data(), |name| name.ends_with("odc-metadata.yaml"));
        paths.retain(|path| !path.to_string_lossy().contains("other-format"));
        let sample: Vec<String> = paths.iter().map(|path| id_of(&documents(path)[0])).collect();
        let lake: Vec<String> =
            paths.iter().filter(|p| p.starts_with(sample_data().join("s2"))).map(|p| id_of(&documents(p)[0])).collect();
        // A dataset made from three others, two of one kind.
        let (archived, ard) = (lake[0].clone(), lake[1..3].to_vec());
        let mut made =
            documents(&paths[paths.iter().position(|p| id_of(&documents(p)[0]) == lake[3]).unwrap()])[0].clone();
        let derived = "0d000000-0000-4000-8000-00000000000d".to_owned();
        made["id"] = json!(derived);
        made["lineage"] = json!({ "ard": ard, "level1": [archived], "none": [] });
        let made_path = files.write("derived/odc-metadata.yaml", made.to_string());

        let mut wanted = json!({
            "metadata_types": [],
            "products": below(&product_definitions(), |_| true).into_iter().chain(below(&sample_data().join("products"), |_| true)).collect::<Vec<_>>(),
            "datasets": paths.iter().chain([&made_path]).collect::<Vec<_>>(),
        });
        if let Some(corpus) = shared("corpus") {
            for (kind, list) in corpus_files(&corpus) {
                wanted[kind].as_array_mut().unwrap().extend(list);
            }
        }
        let list = files.write("wanted.json", wanted.to_string());
        let mut added = [Vec::new(), Vec::new()];
        for (driver, added) in ["postgres", "postgis"].iter().zip(&mut added) {
            let said = odc_python(PROGRAM, [*driver, &database.url(), &list.to_string_lossy()])?;
            let said: Value = serde_json::from_str(&said).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            *added = said["added"].as_array().unwrap().iter().map(|d| (text(&d["id"]), text(&d["path"]))).collect();
            assert!(sample.iter().all(|id| added.iter().any(|(a, _)| a == id)), "{driver}: {said:#}");
        }
        let early = lake[4].clone();
        let external = "0e000000-0000-4000-8000-00000000000e".to_owned();
        for (schema, product) in [("agdc", "dataset_type"), ("odc", "product")] {
            database.sql(&format!(
                "UPDATE {schema}.dataset SET archived = '{ARCHIVED_AT}' WHERE id = '{archived}';
                 UPDATE {schema}.dataset SET added = '2030-02-03T04:05:06.123456Z' WHERE id = '{early}';
                 INSERT INTO {schema}.dataset (id, metadata_type_ref, {product}_ref, metadata)
                 SELECT '{LEGACY}', metadata_type_ref, id, '{{\"id\": \"{LEGACY}\", \"product_type\": \"x\", \"extent\": {{}}}}'
                 FROM {schema}.{product} WHERE name = 'era5_t2m'"
            ));
        }
        // An older place, and one that is not used any more.
        database.sql(&format!(
            "INSERT INTO agdc.dataset_location (dataset_ref, uri_scheme, uri_body, added, archived) VALUES
                 ('{early}', 's3', '//bucket/old.yaml', '2020-01-01', NULL),
                 ('{early}', 's3', '//bucket/gone.yaml', now() + interval '1 day', now());
             INSERT INTO odc.dataset_lineage VALUES ('{external}', '{early}', 'summary');
             INSERT INTO odc.dataset_home VALUES ('{external}', '{HOME}')"
        ));
        Some(Self { database, files, added, sample, archived, early, derived, ard, external })
    }

    pub(crate) fn url(&self) -> String {
        self.database.url()
    }

    pub(crate) fn sql(&self, statement: &str) {
        self.database.sql(statement);
    }

    /// Id and path of the datasets that are in a schema.
    pub(crate) fn added(&self, schema: &str) -> &[(String, String)] {
        &self.added[usize::from(schema == "odc")]
    }

    pub(crate) fn is_sample(&self, id: &str) -> bool {
        self.sample.iter().any(|one| one == id)
    }

    /// The document of this id in a file, as it was written.
    pub(crate) fn document(path: &str, id: &str) -> Value {
        let document = documents(Path::new(path)).into_iter().find(|d| id_of(d) == id);
        document.unwrap_or_else(|| panic!("{path} has no dataset {id}"))
    }

    /// A catalog that the same files were indexed into.
    pub(crate) fn indexed_files(&self) -> Sandbox {
        let sandbox = Sandbox::new();
        sandbox.cube(["init"]).succeeds();
        let definitions = [product_definitions(), sample_data().join("products")];
        sandbox.cube(["product", "add"].iter().map(PathBuf::from).chain(definitions)).succeeds();
        let data = [sample_data().join("s2"), sample_data().join("climatedt"), self.files.path("derived")];
        // Other formats of the same datasets lie there too, and are refused.
        sandbox.cube([PathBuf::from("index")].into_iter().chain(data));
        sandbox
    }
}

fn id_of(document: &Value) -> String {
    document["id"].as_str().unwrap_or_default().to_owned()
}

fn documents(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    parse(&text, "test").unwrap().into_iter().map(|document| document.value).collect()
}

/// Files below a folder, sorted.
fn below(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if wanted(&path.file_name().unwrap_or_default().to_string_lossy()) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The documents of the corpus that datacube takes, and of the datasets those of EO3.
fn corpus_files(corpus: &Path) -> Vec<(&'static str, Vec<Value>)> {
    let manifest = std::fs::read_to_string(corpus.join("manifest.csv")).unwrap();
    let kinds = ["metadata_types", "products", "datasets"];
    let list = |kind: &str| {
        let rows = manifest.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let rows = rows.filter(|row| row[0] == kind && row.len() > 5 && row[5] == "accept");
        let paths = rows.map(|row| corpus.join(row[2]));
        let eo3 = |path: &PathBuf| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            // One names a grid that it does not have, which datacube does not see.
            let broken = path.ends_with("opendatacube__datacube-core__integration_tests__data__eo3__ls8_dataset2.yaml");
            kind != "datasets" || (text.contains("https://schemas.opendatacube.org/dataset") && !broken)
        };
        paths.filter(eo3).map(|path| json!(path)).collect()
    };
    kinds.into_iter().map(|kind| (kind, list(kind))).collect()
}
