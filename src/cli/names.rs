//! The names that completion scripts offer.

/// Names that a completion script offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Names {
    /// The environments of the manifest
    Environments,
    /// The resources of the template that this machine last deployed
    Resources,
    /// The outputs of the template that this machine last deployed
    Outputs,
}

impl Names {
    /// Returns the value on the command line.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Environments => "environments",
            Self::Resources => "resources",
            Self::Outputs => "outputs",
        }
    }
}
