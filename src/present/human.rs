//! Domain values as styled text: pure.
