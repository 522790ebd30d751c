//! The origin of each setting.
//!
//! Every setting can be traced to the line that sets it: `config show` prints that line, errors quote
//! it, and diagnostics about the rendered template point at it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Place, SourceFile};

/// The origin of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The default of stackctl.
    Default,
    /// The manifest: its top level or the table of an environment.
    Manifest {
        /// The text of the manifest.
        source: Arc<SourceFile>,
        /// The byte range of the value.
        span: Range<usize>,
        /// The environment whose table sets the value; `None` for the top level.
        environment: Option<String>,
        /// The stack whose table sets the value; `None` outside the tables of stacks.
        stack: Option<String>,
    },
    /// An environment variable.
    Variable {
        /// The value of the variable; the name of the text is the name of the variable.
        source: Arc<SourceFile>,
        /// The byte range of the value.
        span: Range<usize>,
    },
    /// A command-line flag.
    Flag {
        /// The argument of the flag; the name of the text is the flag, such as `--region`.
        source: Arc<SourceFile>,
        /// The byte range of the value.
        span: Range<usize>,
    },
}

impl Origin {
    /// Returns the place of the value, with a label. The place of a default is in an empty text.
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

    /// Returns this origin with another byte range of the same text.
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
                stack,
            } => {
                let (line, _) = source.position(span.start);
                write!(f, "{}:{line}", source.name)?;
                match (environment, stack) {
                    (None, None) => Ok(()),
                    (Some(name), None) => write!(f, " [environments.{name}]"),
                    (None, Some(stack)) => write!(f, " [stacks.{stack}]"),
                    (Some(name), Some(stack)) => write!(f, " [environments.{name}.stacks.{stack}]"),
                }
            }
            Self::Variable { source, .. } | Self::Flag { source, .. } => f.write_str(&source.name),
        }
    }
}

/// The origins of values by their dotted keys, such as `vars.size`.
#[derive(Debug, Clone, Default)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// Returns the origin of `key`, or of the nearest enclosing table if `key` itself has none.
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

    /// Sets the origin of `key`. Replaces an earlier origin.
    pub fn set(&mut self, key: impl Into<String>, origin: Origin) {
        self.0.insert(key.into(), origin);
    }
}
