//! The rules of ODC's configuration, each case also asked of datacube itself where a Python that has it is there.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::*;

/// One configuration, and the database that it means.
struct Case {
    what: &'static str,
    /// Files below the folder, `home/` being the user's home.
    files: &'static [(&'static str, &'static str)],
    /// Variables; `{}` is the folder.
    variables: &'static [(&'static str, &'static str)],
    environment: Option<&'static str>,
    /// Host, port, user, password, database.
    means: [&'static str; 5],
}

const INI: &str = "[default]\ndb_hostname: pg.example\ndb_port = 5433\nDB_Username: anna\ndb_password: a%%b@c/d\n\
    db_database: cube\n\n; others\n[dev]\ndb_url: postgresql+psycopg2://bo:s3cret@dev.example:6000/devcube\n\
    [user]\ndefault_environment: dev\n";

const YAML: &str = "main:\n  index_driver: postgis\n  db_hostname: one.example\n  db_port: 5432\n  db_database: a\n  \
    db_username: u\nshort:\n  alias: main\n";

const JSON: &str = r#"{"default": {"db_hostname": "j.example", "db_database": "j", "db_username": "u", "db_port": 1}}"#;

const CASES: [Case; 16] = [
    Case {
        what: "a file in the folder, INI",
        files: &[("datacube.conf", INI)],
        variables: &[],
        environment: None,
        means: ["pg.example", "5433", "anna", "a%b@c/d", "cube"],
    },
    Case {
        what: "another environment of it",
        files: &[("datacube.conf", INI)],
        variables: &[],
        environment: Some("dev"),
        means: ["dev.example", "6000", "bo", "s3cret", "devcube"],
    },
    Case {
        what: "an environment by variable",
        files: &[("datacube.conf", INI)],
        variables: &[("ODC_ENVIRONMENT", "dev"), ("DATACUBE_ENVIRONMENT", "default")],
        environment: None,
        means: ["dev.example", "6000", "bo", "s3cret", "devcube"],
    },
    Case {
        what: "an environment by the older variable",
        files: &[("datacube.conf", INI)],
        variables: &[("DATACUBE_ENVIRONMENT", "dev")],
        environment: None,
        means: ["dev.example", "6000", "bo", "s3cret", "devcube"],
    },
    Case {
        what: "the folder's file before the home's",
        files: &[("home/.datacube.conf", INI), ("datacube.conf", JSON)],
        variables: &[],
        environment: None,
        means: ["j.example", "1", "u", "", "j"],
    },
    Case {
        what: "the home's file",
        files: &[("home/.datacube.conf", INI)],
        variables: &[],
        environment: None,
        means: ["pg.example", "5433", "anna", "a%b@c/d", "cube"],
    },
    Case {
        what: "the first path that can be read, before the files of the usual places",
        files: &[("datacube.conf", INI), ("b.yaml", YAML)],
        variables: &[("ODC_CONFIG_PATH", "{}/absent.yaml:{}/b.yaml"), ("DATACUBE_CONFIG_PATH", "{}/datacube.conf")],
        environment: Some("main"),
        means: ["one.example", "5432", "u", "", "a"],
    },
    Case {
        what: "the older path variable, and an alias",
        files: &[("b.yaml", YAML)],
        variables: &[("DATACUBE_CONFIG_PATH", "{}/b.yaml")],
        environment: Some("short"),
        means: ["one.example", "5432", "u", "", "a"],
    },
    Case {
        what: "text in a variable before paths",
        files: &[("b.yaml", YAML)],
        variables: &[("ODC_CONFIG", JSON), ("ODC_CONFIG_PATH", "{}/b.yaml")],
        environment: None,
        means: ["j.example", "1", "u", "", "j"],
    },
    Case {
        what: "variables before options, the environment's own before those of all",
        files: &[("datacube.conf", INI)],
        variables: &[
            ("ODC_DEFAULT_DB_HOSTNAME", "over.example"),
            ("ODC_ALL_DB_HOSTNAME", "no.example"),
            ("DB_HOSTNAME", "no2.example"),
            ("ODC_ALL_DB_DATABASE", "all"),
            ("DB_PORT", "7000"),
            ("ODC_ALL_DB_PORT", "7001"),
        ],
        environment: None,
        means: ["over.example", "7000", "anna", "a%b@c/d", "all"],
    },
    Case {
        what: "variables of an alias, after those of the environment itself",
        files: &[("datacube.conf", YAML)],
        variables: &[
            ("ODC_SHORT_DB_HOSTNAME", "short.example"),
            ("ODC_SHORT_DB_DATABASE", "short"),
            ("ODC_MAIN_DB_DATABASE", "main"),
        ],
        environment: Some("main"),
        means: ["short.example", "5432", "u", "", "main"],
    },
    Case {
        what: "an environment of variables alone",
        files: &[("datacube.conf", INI)],
        variables: &[("ODC_CLOUD_DB_URL", "postgresql://c:p%40q@cloud.example:15432/sky")],
        environment: Some("cloud"),
        means: ["cloud.example", "15432", "c", "p@q", "sky"],
    },
    Case {
        what: "no file at all, the older variables of a container",
        files: &[],
        variables: &[
            ("DB_HOSTNAME", "pg"),
            ("DB_DATABASE", "odc"),
            ("DB_USERNAME", "o"),
            ("DB_PASSWORD", "x y"),
            ("DB_PORT", "1234"),
        ],
        environment: None,
        means: ["pg", "1234", "o", "x y", "odc"],
    },
    Case {
        what: "a URL goes before parts, and before the older variables",
        files: &[("datacube.conf", "[default]\ndb_url: postgresql://a@b.example:1/c\ndb_hostname: no.example\n")],
        variables: &[("DB_HOSTNAME", "no.example"), ("DB_DATABASE", "no")],
        environment: None,
        means: ["b.example", "1", "a", "", "c"],
    },
    Case {
        what: "the older name of the default environment, and [DEFAULT] with a value of another",
        files: &[(
            "datacube.conf",
            "[DEFAULT]\nsite = example\n[datacube]\ndb_hostname: pg.%(site)s\ndb_username: u\n",
        )],
        variables: &[],
        environment: None,
        means: ["pg.example", "", "u", "", "datacube"],
    },
    Case {
        what: "an empty host is the socket",
        files: &[("datacube.conf", "[default]\ndb_hostname:\ndb_username: u\ndb_password: p w\ndb_port: 5555\n")],
        variables: &[],
        environment: None,
        means: ["", "5555", "u", "p w", "datacube"],
    },
];

impl Case {
    /// The same in a folder of its own.
    fn around(&self, folder: &Path) -> Surroundings {
        for (name, text) in self.files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let place = folder.display().to_string();
        let variables = self.variables.iter().map(|(k, v)| ((*k).to_owned(), v.replace("{}", &place)));
        around(folder, variables.collect())
    }
}

fn around(folder: &Path, variables: HashMap<String, String>) -> Surroundings {
    Surroundings { variables, folder: folder.to_owned(), home: Some(folder.join("home")), machine: Vec::new() }
}

fn asked(environment: Option<&str>) -> ConfigOptions {
    ConfigOptions { environment: environment.map(str::to_owned), ..ConfigOptions::default() }
}

/// What a URL says, its escapes undone: host, port, user, password, database.
fn parts(url: &str) -> [String; 5] {
    let rest = url.strip_prefix("postgresql://").unwrap_or_else(|| panic!("{url}"));
    let (authority, tail) = rest.split_once('/').unwrap();
    let (database, query) = tail.split_once('?').unwrap_or((tail, ""));
    let (who, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = who.split_once(':').unwrap_or((who, ""));
    let (host, port) = host.rsplit_once(':').unwrap_or((host, ""));
    let mut all = [host, port, user, password, database].map(plain);
    for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let at = ["host", "port", "user", "password"].iter().position(|k| *k == key).unwrap();
        all[at] = plain(value);
    }
    all
}

fn plain(escaped: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = escaped.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        (rest, ()) = if first == b'%' {
            (
                &tail[2..],
                bytes.push(
                    u8::from_str_radix(std::str::from_utf8(&tail[..2]).unwrap(), 16)
                        .unwrap_or_else(|_| panic!("{escaped}")),
                ),
            )
        } else {
            (tail, bytes.push(first))
        };
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn each_configuration_means_its_database() {
    for case in &CASES {
        let folder = tempfile::tempdir().unwrap();
        let found = Config::find(&asked(case.environment), &case.around(folder.path())).unwrap();
        let CatalogUrl::Postgis(url) = &found.catalog else { panic!("{}: {found:?}", case.what) };
        assert_eq!(parts(url), case.means, "{}: {found:?}", case.what);
    }
}

/// What datacube makes of the same. It escapes nothing but a password, in the manner of web forms, and fills in the user.
#[test]
fn datacube_resolves_the_same() {
    const PROGRAM: &str = "
import json, sys, warnings
warnings.simplefilter('ignore')
from datacube.cfg import ODCConfig
env = ODCConfig()[json.loads(sys.argv[1])]
print(json.dumps([env.index_driver, env.db_hostname, env.db_port, env.db_username, env.db_password, env.db_database]))
";
    let Some(python) = std::env::var_os("CUBE_TEST_ODC_PYTHON") else {
        eprintln!("skipped: no Python that has datacube (set CUBE_TEST_ODC_PYTHON to one)");
        return;
    };
    for case in &CASES {
        let folder = tempfile::tempdir().unwrap();
        let around = case.around(folder.path());
        let output = Command::new(&python)
            .args(["-c", PROGRAM, &json!(case.environment).to_string()])
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path().join("home"))
            .envs(&around.variables)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}: {}", case.what, String::from_utf8_lossy(&output.stderr));
        let answer: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        let text = |value: &Value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let mut theirs: Vec<String> = answer[1..].iter().map(text).collect();
        // Of a URL, datacube cuts out the password as it is written there.
        if case.variables.iter().any(|(name, _)| name.ends_with("_DB_URL")) {
            theirs[3] = plain(&theirs[3]);
        }
        assert_eq!(theirs, case.means, "{}", case.what);
    }
    eprintln!("agrees with datacube: {} configurations", CASES.len());
}

#[test]
fn what_is_said_first_counts() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("datacube.conf"), INI).unwrap();
    let with = |pairs: &[(&str, &str)]| {
        around(folder.path(), pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    };
    let variable = with(&[("CUBE_CATALOG", "sqlite:///v.sqlite")]);
    let explicit = ConfigOptions { catalog: Some("memory:".to_owned()), ..ConfigOptions::default() };
    assert_eq!(Config::find(&explicit, &variable).unwrap().origin, "--catalog");
    assert_eq!(Config::find(&asked(None), &variable).unwrap().catalog, CatalogUrl::sqlite("/v.sqlite"));
    let found = Config::find(&asked(None), &with(&[])).unwrap();
    assert!(found.origin.ends_with("datacube.conf, environment default"), "{}", found.origin);
    // Two answers to one question.
    for (options, around) in [
        (asked(Some("dev")), &variable),
        (ConfigOptions { environment: Some("dev".to_owned()), ..explicit }, &with(&[])),
    ] {
        let error = Config::find(&options, around).unwrap_err();
        assert!(error.is_usage() && error.to_string().contains("leave one out"), "{error}");
    }
}

#[test]
fn without_a_configuration_that_is_really_there_the_default_counts() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["ODC_ENVIRONMENT", "DB_HOSTNAME", "DB_USERNAME", "ODC_OTHER_DB_URL", "ODC_DEFAULT_DB_PORT"] {
        let found = Config::find(&asked(None), &around(folder.path(), [(name.to_owned(), "other".to_owned())].into()));
        // ODC_ENVIRONMENT=other makes ODC_OTHER_DB_URL the environment's, alone neither says where.
        assert!(matches!(found.unwrap().catalog, CatalogUrl::Sqlite(_)), "{name}");
    }
}

#[test]
fn a_file_that_begins_with_a_comment_is_ini() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("datacube.conf"), "# ours\n\n[default]\ndb_url = postgresql://h/d\n").unwrap();
    let found = Config::find(&asked(None), &around(folder.path(), HashMap::new())).unwrap();
    assert_eq!(found.catalog, CatalogUrl::Postgis("postgresql://h/d".to_owned()));
}

#[test]
fn the_memory_driver_is_a_catalog_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("datacube.conf"), "default: {index_driver: memory}").unwrap();
    let found = Config::find(&asked(None), &around(folder.path(), HashMap::new())).unwrap();
    assert_eq!(found.catalog, CatalogUrl::Memory);
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_its_mend() {
    let folder = tempfile::tempdir().unwrap();
    for (text, parts) in [
        ("/etc/odc.conf", &["ODC_CONFIG", "/etc/odc.conf", "ODC_CONFIG_PATH"][..]),
        ("[other]\ndb_database: x", &["no environment \"default\"", "one of other", "-E"]),
        ("[default]\ndb_password: 100%", &["\"db_password\"", "%%"]),
        ("[default]\ndb_hostname: a\ndb_hostname: b", &["line 3", "twice"]),
        ("[default]\nindex_driver: null", &["keeps nothing"]),
        ("[default]\nindex_driver: nul", &["\"nul\"", "postgis"]),
        ("[default]\ndb_port: 70000", &["65535", "70000"]),
        ("[default]\ndb_url: mysql://a:secret@b/c", &["postgresql://user@host"]),
        ("[default]\ndb_iam_authentication: yes", &["generate-db-auth-token"]),
        ("[default]\ndb_database:", &["db_database is empty"]),
        ("[Default]\ndb_database: x", &["\"Default\"", "small letters"]),
        ("default: {alias: other}\nother: {alias: default}", &["circle"]),
        ("default: {alias: other, db_port: 1}", &["is an alias", "db_port"]),
        ("default: [1]", &["mapping of options"]),
        ("[1, 2]: x", &["ODC_CONFIG"]),
        ("# nothing", &["no environment in it"]),
    ] {
        let variables = HashMap::from([("ODC_CONFIG".to_owned(), text.to_owned())]);
        let error = Config::find(&asked(None), &around(folder.path(), variables)).unwrap_err().to_string();
        assert!(error.contains("ODC_CONFIG"), "{error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{text:?}: {error}");
        assert!(!error.contains("secret") && !error.contains("100%"), "a password is shown: {error}");
    }
    let nowhere = HashMap::from([("ODC_CONFIG_PATH".to_owned(), "nowhere.conf".to_owned())]);
    let error = Config::find(&asked(None), &around(folder.path(), nowhere)).unwrap_err().to_string();
    assert!(error.contains("ODC_CONFIG_PATH") && error.contains("nowhere.conf"), "{error}");
    let error = Config::find(&asked(Some("dev")), &around(folder.path(), HashMap::new())).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("ODC_DEV_DB_URL"), "{error}");
}

#[test]
fn a_url_without_host_keeps_its_user() {
    for (url, plain) in [
        ("postgresql+psycopg2://me:pw@/cube?sslmode=disable", "postgresql:///cube?sslmode=disable&user=me&password=pw"),
        ("postgresql:///cube", "postgresql:///cube"),
        ("postgresql://me@:5433/cube", "postgresql:///cube?user=me&port=5433"),
        ("postgresql+psycopg://h/cube", "postgresql://h/cube"),
    ] {
        assert_eq!(postgres_url::plain(url).as_deref(), Some(plain));
    }
    assert_eq!(postgres_url::plain("sqlite:///x"), None);
    let ipv6 = postgres_url::Parts { host: "::1", database: "d", ..Default::default() };
    assert_eq!(ipv6.url(), "postgresql://[::1]/d");
    let socket = postgres_url::Parts { host: "/run/pg", user: Some("a b"), database: "d", ..Default::default() };
    assert_eq!(socket.url(), "postgresql://a%20b@%2Frun%2Fpg/d");
}
