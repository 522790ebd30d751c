//! Where a value came from.
//!
//! Every value that decides what is deployed can be traced to the line that set it: `config show`
//! prints that line, an error quotes it, and a finding in the rendered template names it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Place, SourceFile};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// stackctl's built-in default.
    Default,
    /// The manifest, at the top level or in an environment's table.
    Manifest {
        /// The manifest.
        source: Arc<SourceFile>,
        /// The value's bytes.
        span: Range<usize>,
        /// The environment whose table holds it; `None` at the top level.
        environment: Option<String>,
    },
    /// An environment variable.
    Variable {
        /// The variable's value, under the variable's name.
        source: Arc<SourceFile>,
        /// The value's bytes.
        span: Range<usize>,
    },
    /// A flag of the command line.
    Flag {
        /// The flag's argument, under the flag's name, such as `--region`.
        source: Arc<SourceFile>,
        /// The value's bytes.
        span: Range<usize>,
    },
}

impl Origin {
    /// Returns the place to point at, with what to say there; a default points into an empty text.
    pub fn place(&self, label: impl Into<String>) -> Place {
        let (source, span) = match self {
            Self::Default => (SourceFile::new("default", ""), 0..0),
            Self::Manifest { source, span, .. }
            | Self::Variable { source, span }
            | Self::Flag { source, span } => (Arc::clone(source), span.clone()),
        };
        Place {
            source,
            span,
            label: label.into(),
        }
    }

    /// Returns this origin with other bytes of the same text.
    pub(crate) fn at(&self, bytes: Range<usize>) -> Self {
        let mut other = self.clone();
        match &mut other {
            Self::Default => {}
            Self::Manifest { span, .. } | Self::Variable { span, .. } | Self::Flag { span, .. } => {
                *span = bytes;
            }
        }
        other
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Manifest {
                source,
                span,
                environment,
            } => {
                let (line, _) = source.position(span.start);
                write!(f, "{}:{line}", source.name)?;
                environment
                    .as_ref()
                    .map_or(Ok(()), |name| write!(f, " [environments.{name}]"))
            }
            Self::Variable { source, .. } | Self::Flag { source, .. } => f.write_str(&source.name),
        }
    }
}

/// The origin of every value by its dotted key, such as `vars.instance_type`.
#[derive(Debug, Clone, Default)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// Returns the origin of `key`; of the nearest enclosing table where the key itself has none.
    pub fn get(&self, key: &str) -> &Origin {
        let mut key = key;
        loop {
            if let Some(origin) = self.0.get(key) {
                return origin;
            }
            match key.rsplit_once('.') {
                Some((table, _)) => key = table,
                None => return &Origin::Default,
            }
        }
    }

    /// Sets the origin of `key`, replacing an earlier one.
    pub fn set(&mut self, key: impl Into<String>, origin: Origin) {
        self.0.insert(key.into(), origin);
    }
}
