//! The certificates that servers are trusted by: those of the machine, or a bundle that the user names.

use std::path::Path;

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::shared_config::{Profile, SIZE};
use super::variables::Variables;
use crate::error::{Error, Result};
use crate::util::regular_file;

/// A file of certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bundle {
    /// Its path as it is written, where that is written, and the path that is meant.
    path: String,
    origin: String,
    expanded: String,
}

/// Returns the file of `AWS_CA_BUNDLE`, the profile's `ca_bundle`, or `REQUESTS_CA_BUNDLE`, in this order,
/// as botocore does. `None` stands for the certificates of the machine.
///
/// # Errors
///
/// If a variable is not UTF-8.
pub(super) fn bundle(variables: &Variables, profile: &Profile) -> Result<Option<Bundle>> {
    let is_filled = |(path, _): &(String, String)| !path.is_empty();
    let of_variable = variables.with_origin("AWS_CA_BUNDLE")?.filter(is_filled);
    let of_profile = || profile.text_with_origin("ca_bundle").filter(is_filled);
    let named = match of_variable.or_else(of_profile) {
        Some(named) => Some(named),
        None => variables
            .with_origin("REQUESTS_CA_BUNDLE")?
            .filter(is_filled),
    };
    Ok(named.map(|(path, origin)| Bundle {
        expanded: variables.expand(&path).unwrap_or_else(|| path.clone()),
        path,
        origin,
    }))
}

impl Bundle {
    /// Returns the certificates.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or holds no certificate. The SDK would panic on it.
    pub(super) fn read(&self) -> Result<TlsContext> {
        let Self {
            path,
            origin,
            expanded,
        } = self;
        let unusable = |reason: String| {
            Error::input(format!("{origin} names `{path}`, {reason}"))
                .hint("name a PEM file with the certificates of the authorities that you trust")
        };
        let bundle = regular_file::read(Path::new(expanded), SIZE);
        let bundle = bundle.map_err(|error| unusable(format!("which {}", error.predicate())))?;
        let mut store = TrustStore::empty();
        let mut is_empty = true;
        for certificate in CertificateDer::pem_slice_iter(&bundle).flatten() {
            // A bundle of a company may hold one that this TLS library does not accept.
            let mut roots = RootCertStore::empty();
            if roots.add(certificate.clone()).is_ok() {
                let text = BASE64_STANDARD.encode(&certificate);
                let pem =
                    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
                store.add_pem_certificate(pem);
                is_empty = false;
            }
        }
        if is_empty {
            return Err(unusable(
                "which holds no certificate in PEM form".to_owned(),
            ));
        }
        let context = TlsContext::builder().with_trust_store(store).build();
        context.map_err(|error| Error::system("cannot use the certificates", error))
    }
}
