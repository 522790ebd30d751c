//! Versioned layouts of the JSON output, apart from the domain's own types: pure.
