//! What a process finds around it when it starts.

use std::collections::HashMap;
use std::path::PathBuf;

/// What configuration is read from. Taken once, at the edge of the program, and handed down.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The environment variables.
    pub variables: HashMap<String, String>,
    /// The folder that relative paths start from.
    pub folder: PathBuf,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// Files that hold for the whole machine, after those of the user.
    pub machine: Vec<PathBuf>,
}

impl Surroundings {
    /// Those of this process. A variable that is not Unicode is passed over.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            variables: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            folder: std::env::current_dir().unwrap_or_default(),
            home: etcetera::home_dir().ok(),
            machine: ["/etc/default/datacube.conf", "/etc/datacube.conf"].map(PathBuf::from).into(),
        }
    }

    /// The value of a variable that is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A path as it is seen from here.
    pub(super) fn path(&self, path: impl AsRef<std::path::Path>) -> PathBuf {
        self.folder.join(path)
    }
}
