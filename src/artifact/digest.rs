//! SHA-256 digests.
//!
//! A [`Digest`] gives the S3 key of an artifact or a template and the checksum that S3 verifies. It is
//! written in hexadecimal in a key and in Base64 for S3 and Lambda.

use std::fmt;
use std::io::{self, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The SHA-256 of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The hexadecimal digits of a digest.
    pub const DIGITS: usize = 64;

    /// Returns the digest of `bytes`.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(bytes.as_ref()).into())
    }

    /// Returns the digest of all that a reader returns.
    ///
    /// # Errors
    ///
    /// Those of the reader.
    pub fn of_reader(mut reader: impl Read) -> io::Result<Self> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 128 * 1024];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(hasher.into()),
                Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the digest as 64 lowercase hexadecimal digits.
    pub fn hex(&self) -> String {
        self.to_string()
    }

    /// Returns the digest that 64 hexadecimal digits write; `None` if the text is no digest.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::DIGITS / 2];
        if text.len() != Self::DIGITS {
            return None;
        }
        for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
            let digits = text.get(at..at + 2).filter(|it| !it.starts_with('+'))?;
            *byte = u8::from_str_radix(digits, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// Returns the digest in Base64, the format of S3 and Lambda.
    pub fn base64(&self) -> String {
        STANDARD.encode(self.0)
    }
}

impl From<Sha256> for Digest {
    fn from(hasher: Sha256) -> Self {
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::Digest;

    #[test]
    fn the_digest_of_an_empty_text_is_known_in_both_formats() {
        let digest = Digest::of("");
        assert_eq!(Digest::from_hex(&digest.hex()), Some(digest));
        for text in ["", "é", &"+1".repeat(32), &"g".repeat(64), &"0".repeat(63)] {
            assert_eq!(Digest::from_hex(text), None, "{text}");
        }
        assert_eq!(
            digest.hex(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            digest.base64(),
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        );
    }
}
