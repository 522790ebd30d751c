//! Environment markers, such as `python_version < "3.11" and sys_platform != "win32"` (PEP 508).
//!
//! A marker is evaluated for the function's runtime. The machine that packages and its Python have no
//! effect.

use super::version::{self, Version};

/// A condition on the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Marker {
    Or(Vec<Marker>),
    And(Vec<Marker>),
    Compare(Operand, String, Operand),
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operand {
    Variable(Variable),
    Text(String),
}

/// A variable of the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variable {
    ImplementationName,
    ImplementationVersion,
    OsName,
    PlatformMachine,
    PlatformPythonImplementation,
    PlatformRelease,
    PlatformSystem,
    PlatformVersion,
    PythonFullVersion,
    PythonVersion,
    SysPlatform,
    Extra,
}

/// The names of the variables. The names with dots are of setuptools, and pip still accepts them.
const VARIABLES: [(&str, Variable); 18] = [
    ("implementation_name", Variable::ImplementationName),
    ("implementation_version", Variable::ImplementationVersion),
    ("os_name", Variable::OsName),
    ("os.name", Variable::OsName),
    ("platform_machine", Variable::PlatformMachine),
    ("platform.machine", Variable::PlatformMachine),
    (
        "platform_python_implementation",
        Variable::PlatformPythonImplementation,
    ),
    (
        "platform.python_implementation",
        Variable::PlatformPythonImplementation,
    ),
    (
        "python_implementation",
        Variable::PlatformPythonImplementation,
    ),
    ("platform_release", Variable::PlatformRelease),
    ("platform_system", Variable::PlatformSystem),
    ("platform_version", Variable::PlatformVersion),
    ("platform.version", Variable::PlatformVersion),
    ("python_full_version", Variable::PythonFullVersion),
    ("python_version", Variable::PythonVersion),
    ("sys_platform", Variable::SysPlatform),
    ("sys.platform", Variable::SysPlatform),
    ("extra", Variable::Extra),
];

/// The operators. A longer one comes before the one that it begins with.
const OPERATORS: [&str; 8] = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"];

impl Variable {
    /// Returns whether the values of the variable are versions.
    fn is_version(self) -> bool {
        matches!(
            self,
            Self::ImplementationVersion | Self::PythonFullVersion | Self::PythonVersion
        )
    }
}

impl Marker {
    /// Reads a marker.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as the end of a sentence.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader {
            rest: text.trim(),
            depth: 0,
        };
        let marker = reader.any()?;
        if reader.rest.is_empty() {
            Ok(marker)
        } else {
            Err(format!("has `{}` where it should end", reader.rest))
        }
    }

    /// Returns whether the marker is true, given the value of each variable.
    pub(super) fn is_true(&self, value: &impl Fn(Variable) -> String) -> bool {
        match self {
            Self::Or(parts) => parts.iter().any(|part| part.is_true(value)),
            Self::And(parts) => parts.iter().all(|part| part.is_true(value)),
            Self::Compare(left, operator, right) => {
                let is_version = [left, right].iter().any(
                    |side| matches!(side, Operand::Variable(variable) if variable.is_version()),
                );
                let text = |side: &Operand| match side {
                    Operand::Variable(variable) => value(*variable),
                    Operand::Text(text) => text.clone(),
                };
                compare(&text(left), operator, &text(right), is_version)
            }
        }
    }
}

fn compare(left: &str, operator: &str, right: &str, is_version: bool) -> bool {
    if is_version
        && let Some(version) = Version::parse(left)
        && let Some(result) = version::satisfies(&version, operator, right)
    {
        return result;
    }
    match operator {
        "==" | "===" => left == right,
        "!=" => left != right,
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        ">=" => left >= right,
        "in" => right.contains(left),
        "not in" => !right.contains(left),
        _ => false,
    }
}

/// The deepest nesting of parentheses. More is an error, so that no marker exhausts the stack.
const DEPTH: usize = 50;

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn any(&mut self) -> Result<Marker, String> {
        let mut parts = vec![self.all()?];
        while self.word("or") {
            parts.push(self.all()?);
        }
        Ok(single(parts, Marker::Or))
    }

    fn all(&mut self) -> Result<Marker, String> {
        let mut parts = vec![self.one()?];
        while self.word("and") {
            parts.push(self.one()?);
        }
        Ok(single(parts, Marker::And))
    }

    fn one(&mut self) -> Result<Marker, String> {
        if self.symbol("(") {
            self.depth += 1;
            if self.depth > DEPTH {
                return Err("has too many parentheses".to_owned());
            }
            let inner = self.any()?;
            self.depth -= 1;
            return if self.symbol(")") {
                Ok(inner)
            } else {
                Err("lacks a `)`".to_owned())
            };
        }
        let left = self.operand()?;
        let operator = self.operator()?;
        let right = self.operand()?;
        Ok(Marker::Compare(left, operator, right))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        for quote in ['"', '\''] {
            if let Some(rest) = self.rest.strip_prefix(quote) {
                let Some((text, rest)) = rest.split_once(quote) else {
                    return Err(format!("lacks the closing {quote}"));
                };
                self.rest = rest.trim_start();
                return Ok(Operand::Text(text.to_owned()));
            }
        }
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        let known = VARIABLES.iter().find(|(known, _)| *known == name);
        match known {
            Some((_, variable)) => {
                self.rest = rest.trim_start();
                Ok(Operand::Variable(*variable))
            }
            None if name.is_empty() => Err("ends too early".to_owned()),
            None => Err(format!("has the unknown variable `{name}`")),
        }
    }

    fn operator(&mut self) -> Result<String, String> {
        if let Some(operator) = OPERATORS.iter().find(|operator| self.symbol(operator)) {
            return Ok((*operator).to_owned());
        }
        if self.word("in") {
            return Ok("in".to_owned());
        }
        if self.word("not") && self.word("in") {
            return Ok("not in".to_owned());
        }
        Err("lacks an operator such as `==`".to_owned())
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let rest = self.rest.strip_prefix(symbol);
        self.rest = rest.map_or(self.rest, str::trim_start);
        rest.is_some()
    }

    fn word(&mut self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word);
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        match rest {
            Some(rest) if ends(rest) => {
                self.rest = rest.trim_start();
                true
            }
            _ => false,
        }
    }
}

fn single(mut parts: Vec<Marker>, group: fn(Vec<Marker>) -> Marker) -> Marker {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            group(parts)
        }
    }
}

#[cfg(test)]
mod tests;
