//! The file name of a wheel, which says what it is and where it runs.

/// The parts of a wheel's file name: `NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WheelName {
    /// The file name.
    pub(super) file_name: String,
    /// The package's name, normalized.
    pub(super) package: String,
    /// The version as it is written.
    pub(super) version: String,
    python: String,
    abi: String,
    platform: String,
}

impl WheelName {
    /// Reads a file name; `None` if it is no wheel's.
    pub(super) fn parse(file_name: &str) -> Option<Self> {
        let stem = file_name.strip_suffix(".whl")?;
        let parts: Vec<&str> = stem.split('-').collect();
        let (&[package, version], &[python, abi, platform]) =
            (parts.first_chunk()?, parts.last_chunk()?);
        let is_filled = parts.iter().all(|part| !part.is_empty());
        ((parts.len() == 5 || parts.len() == 6) && is_filled).then(|| Self {
            file_name: file_name.to_owned(),
            package: normalize(package),
            version: version.to_owned(),
            python: python.to_owned(),
            abi: abi.to_owned(),
            platform: platform.to_owned(),
        })
    }

    /// Returns each combination of a Python, an ABI and a platform that the wheel is for.
    pub(super) fn tags(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.python.split('.').flat_map(move |python| {
            self.abi.split('.').flat_map(move |abi| {
                self.platform
                    .split('.')
                    .map(move |platform| (python, abi, platform))
            })
        })
    }

    /// Returns the tags as they are written in the file name.
    pub(super) fn written_tags(&self) -> String {
        format!("{}-{}-{}", self.python, self.abi, self.platform)
    }
}

/// Returns a package's name in the form in which names are compared: `Foo._Bar` is `foo-bar` (PEP 503).
pub(super) fn normalize(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts
        .map(str::to_ascii_lowercase)
        .collect::<Vec<_>>()
        .join("-")
}
