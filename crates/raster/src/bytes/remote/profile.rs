//! Profiles of the AWS tools.

use std::collections::BTreeMap;
use std::path::PathBuf;

use configparser::ini::{Ini, IniDefault};

use super::stores::Variables;

/// Longest file that is read.
const LONGEST: u64 = 1 << 20;

/// What the profile that the variables name says, or the one called `default`; nothing where there is none.
pub(super) fn read(variables: &Variables) -> Result<BTreeMap<String, String>, String> {
    let told = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    let named = told("AWS_PROFILE").or_else(|| told("AWS_DEFAULT_PROFILE"));
    let profile = named.map_or("default", String::as_str);
    let file = |variable: &str, name: &str| {
        let home = || told("HOME").map(|home| PathBuf::from(home).join(".aws").join(name));
        told(variable).map(PathBuf::from).or_else(home)
    };
    let (credentials, config) = (file("AWS_SHARED_CREDENTIALS_FILE", "credentials"), file("AWS_CONFIG_FILE", "config"));
    let in_config = if profile == "default" { profile.to_owned() } else { format!("profile {profile}") };
    let mut found = BTreeMap::new();
    let mut seen = false;
    // What the file of credentials says wins.
    for (path, section) in [(config, in_config.as_str()), (credentials, profile)] {
        let Some(path) = path else { continue };
        let Ok(kind) = path.metadata() else { continue };
        if kind.len() > LONGEST {
            return Err(format!("{} has {} bytes, which is no file of profiles", path.display(), kind.len()));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut defaults = IniDefault::default();
        defaults.case_sensitive = true;
        defaults.comment_symbols = vec!['#', ';'];
        defaults.delimiters = vec!['='];
        // A key may hold these characters.
        defaults.inline_comment_symbols = Some(Vec::new());
        let mut ini = Ini::new_from_defaults(defaults);
        // The error would quote the line.
        let sections = ini.read(text).map_err(|_| format!("{} is no file of profiles", path.display()))?;
        if let Some(section) = sections.get(section) {
            seen = true;
            found.extend(section.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))));
        }
    }
    match named {
        Some(named) if !seen => Err(format!("there is no profile {named:?} in the files of the AWS tools")),
        _ => Ok(found),
    }
}
