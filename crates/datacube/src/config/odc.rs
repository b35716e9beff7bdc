//! ODC's configuration by datacube's own rules (`datacube.cfg` of 1.9): where it is found, which environment counts, which
//! variable goes before which option.

use cube_catalog::CatalogUrl;
use serde_json::Value;

use super::postgres_url::{self, Parts};
use super::sections::{Sections, bad_name, is_name, parse, wrong};
use super::{Config, ConfigOptions, Surroundings};
use crate::Error;

/// The catalog that ODC's configuration names, where there is one.
pub(super) fn find(options: &ConfigOptions, around: &Surroundings) -> Result<Option<Config>, Error> {
    let text = text(options, around)?;
    let sections = text.as_ref().map_or_else(|| Ok(Sections::new()), |(place, text)| parse(text, place))?;
    let place = text.map(|(place, _)| place);
    let asked = options.environment.as_deref();
    let chosen =
        asked.or_else(|| around.variable("ODC_ENVIRONMENT")).or_else(|| around.variable("DATACUBE_ENVIRONMENT"));
    let name = chosen.unwrap_or(if sections.contains_key("default") || !sections.contains_key("datacube") {
        "default"
    } else {
        "datacube"
    });
    let whole = place.as_deref().unwrap_or("the environment variables");
    if !is_name(name) {
        return Err(wrong(whole, bad_name(name)));
    }
    let environment = Environment::new(name, &sections, around).map_err(|reason| wrong(whole, reason))?;
    if let Some(origin) = environment.origin(place.as_deref()) {
        let catalog = environment.catalog().map_err(|reason| wrong(&origin, reason))?;
        return Ok(Some(Config { catalog, origin }));
    }
    // An environment of another name is no answer to a user who has configured something.
    match (&place, asked) {
        (Some(place), _) if sections.is_empty() => Err(wrong(place, "there is no environment in it")),
        (Some(place), _) => {
            let names: Vec<&str> = sections.keys().map(String::as_str).collect();
            let names = names.join(", ");
            Err(wrong(
                place,
                format!("there is no environment {name:?} in it: choose one of {names} with -E or ODC_ENVIRONMENT"),
            ))
        }
        (None, Some(asked)) => {
            let variable = asked.to_uppercase();
            let reason = format!(
                "-E {asked}: no configuration of ODC was found; give one with -C FILE, ODC_CONFIG_PATH or ODC_{variable}_DB_URL"
            );
            Err(Error::Usage { reason })
        }
        (None, None) => Ok(None),
    }
}

/// The text of the configuration and the place it is from.
fn text(options: &ConfigOptions, around: &Surroundings) -> Result<Option<(String, String)>, Error> {
    let files: Vec<String> = options.files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
    if !files.is_empty() {
        return first(&files, around).map(Some).ok_or_else(|| none_of("-C", &files));
    }
    if let Some(text) = around.variable("ODC_CONFIG") {
        return Ok(Some(("ODC_CONFIG".to_owned(), text.to_owned())));
    }
    for variable in ["ODC_CONFIG_PATH", "DATACUBE_CONFIG_PATH"] {
        if let Some(list) = around.variable(variable) {
            let files: Vec<String> = list.split(':').map(str::to_owned).collect();
            return first(&files, around).map(Some).ok_or_else(|| none_of(variable, &files));
        }
    }
    let user = around.home.iter().map(|home| home.join(".datacube.conf"));
    let places = std::iter::once("datacube.conf".into()).chain(user).chain(around.machine.iter().cloned());
    let places: Vec<String> = places.map(|path| path.to_string_lossy().into_owned()).collect();
    Ok(first(&places, around))
}

/// The first of these files that can be read.
fn first(files: &[String], around: &Surroundings) -> Option<(String, String)> {
    let read = |file: &String| {
        let path = around.path(file);
        let text = std::fs::read(&path).ok()?;
        Some((path.display().to_string(), String::from_utf8_lossy(&text).into_owned()))
    };
    files.iter().filter(|file| !file.is_empty()).find_map(read)
}

fn none_of(named_by: &str, files: &[String]) -> Error {
    wrong(named_by, format!("expected the path of a configuration of ODC, but {} cannot be read", files.join(", ")))
}

/// One environment.
struct Environment<'a> {
    /// Its own name, and then the aliases that lead to it.
    names: Vec<&'a str>,
    section: Option<&'a serde_json::Map<String, Value>>,
    around: &'a Surroundings,
}

impl<'a> Environment<'a> {
    /// The environment of this name, aliases followed.
    fn new(name: &'a str, sections: &'a Sections, around: &'a Surroundings) -> Result<Self, String> {
        let alias = |name: &str| sections.get(name).and_then(|section| section.get("alias"));
        for (alias_name, section) in sections.iter().filter(|(name, _)| alias(name).is_some()) {
            if let Some(other) = section.keys().find(|key| *key != "alias") {
                return Err(format!(
                    "the environment {alias_name:?} is an alias and has the option {other:?} too: remove one of them"
                ));
            }
        }
        let mut own = name;
        let mut followed = 0;
        while let Some(target) = alias(own) {
            own = target.as_str().filter(|target| is_name(target)).ok_or_else(|| bad_name(&target.to_string()))?;
            followed += 1;
            if followed > sections.len() {
                return Err(format!("the aliases from {name:?} on lead in a circle"));
            }
        }
        let leads_here = sections.iter().filter(|(_, section)| section.get("alias").is_some_and(|to| to == own));
        let names = std::iter::once(own).chain(leads_here.map(|(name, _)| name.as_str())).collect();
        Ok(Self { names, section: sections.get(own), around })
    }

    /// Where it is configured, in words; `None` where it is not.
    fn origin(&self, place: Option<&str>) -> Option<String> {
        let name = self.names[0];
        if let (Some(place), Some(_)) = (place, self.section) {
            return Some(format!("{place}, environment {name}"));
        }
        let variables = ["db_url", "db_hostname", "db_database"].into_iter();
        let own = variables.flat_map(|option| self.variables(option)).chain(["DATACUBE_DB_URL".to_owned()]);
        if let Some(variable) = own.into_iter().find(|name| self.around.variable(name).is_some()) {
            return Some(format!("the environment variable {variable}"));
        }
        let driver = self.variables("index_driver");
        if let Some(variable) = driver.iter().find(|name| matches!(self.around.variable(name), Some("memory" | "null")))
        {
            return Some(format!("the environment variable {variable}"));
        }
        // Names that other programs use too: one alone says nothing of ODC.
        let both = ["DB_HOSTNAME", "DB_DATABASE"].iter().all(|name| self.around.variable(name).is_some());
        both.then(|| "the environment variables DB_HOSTNAME and DB_DATABASE".to_owned())
    }

    /// The variables that go before an option, but for those of older versions.
    fn variables(&self, option: &str) -> Vec<String> {
        self.names.iter().copied().chain(["all"]).map(|name| format!("ODC_{name}_{option}").to_uppercase()).collect()
    }

    /// An option: of its variables, then the one of older versions, then the variable for all environments, then the
    /// configuration itself.
    fn option(&self, option: &str, older: Option<&str>) -> Option<Value> {
        let mut variables = self.variables(option);
        if let Some(older) = older {
            variables.insert(self.names.len(), older.to_owned());
        }
        let said = variables.iter().find_map(|name| self.around.variable(name));
        said.map(Value::from).or_else(|| self.section?.get(option).filter(|value| !value.is_null()).cloned())
    }

    /// An option as text.
    fn text(&self, option: &str, older: Option<&str>) -> Option<String> {
        Some(match self.option(option, older)? {
            Value::String(text) => text,
            other => other.to_string(),
        })
    }

    fn catalog(&self) -> Result<CatalogUrl, String> {
        let driver = self.text("index_driver", None).unwrap_or_else(|| "default".to_owned());
        match driver.as_str() {
            "default" | "postgres" | "legacy" | "postgis" => {}
            "memory" => return Ok(CatalogUrl::Memory),
            "null" => {
                return Err("its index_driver is \"null\", which keeps nothing: choose another environment with -E, or \"memory\"".to_owned());
            }
            other => {
                return Err(format!("expected the index_driver postgis, postgres, memory or null, got {other:?}"));
            }
        }
        let url = self.text("db_url", Some("DATACUBE_DB_URL")).filter(|url| !url.is_empty());
        let tokens = match self.option("db_iam_authentication", Some("DATACUBE_IAM_AUTHENTICATION")) {
            Some(Value::Bool(yes)) => yes,
            Some(Value::String(text)) => matches!(text.to_lowercase().as_str(), "y" | "yes"),
            _ => false,
        };
        if tokens {
            return Err("its db_iam_authentication asks for tokens of AWS, which this version cannot make: make one with `aws rds generate-db-auth-token` and give it as the password".to_owned());
        }
        let url = match url {
            // The URL is not shown: it may hold a password.
            Some(url) => postgres_url::plain(&url).ok_or(
                "its db_url is not the URL of a PostgreSQL database: expected postgresql://user@host/database",
            )?,
            None => self.url_of_parts()?,
        };
        url.parse().map_err(|e: cube_catalog::CatalogError| e.to_string())
    }

    fn url_of_parts(&self) -> Result<String, String> {
        let port = match self.text("db_port", Some("DB_PORT")) {
            None => None,
            Some(text) => {
                let port = text.trim().parse::<u16>().ok().filter(|port| *port > 0);
                Some(port.ok_or_else(|| format!("expected a db_port from 1 to 65535, got {text:?}"))?)
            }
        };
        let database = self.text("db_database", Some("DB_DATABASE")).unwrap_or_else(|| "datacube".to_owned());
        if database.is_empty() {
            return Err("its db_database is empty: name the database".to_owned());
        }
        let host = self.text("db_hostname", Some("DB_HOSTNAME")).unwrap_or_else(|| "localhost".to_owned());
        let (user, password) =
            (self.text("db_username", Some("DB_USERNAME")), self.text("db_password", Some("DB_PASSWORD")));
        let parts =
            Parts { user: user.as_deref(), password: password.as_deref(), host: &host, port, database: &database };
        Ok(parts.url())
    }
}
