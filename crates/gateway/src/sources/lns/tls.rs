//! The TLS side of a server of stations, from PEM files. They are read for each connection anew, so that a renewed
//! certificate needs no restart.

use super::config::Secure;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::ring};

/// Reads the certificates.
///
/// # Errors
/// Says what is wrong with which file, never what stands in it.
pub(super) fn acceptor(secure: &Secure) -> Result<TlsAcceptor, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let builder = match &secure.ca {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(ca)? {
                roots.add(certificate).map_err(|error| of(ca, &error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| of(ca, &error.to_string()))?)
        }
    };
    let key = PrivateKeyDer::from_pem_file(&secure.key);
    let key = key.map_err(|_| of(&secure.key, "no private key can be read from it"))?;
    let config = builder.with_single_cert(certificates(&secure.certificate)?, key);
    config
        .map(|config| TlsAcceptor::from(Arc::new(config)))
        .map_err(|error| of(&secure.certificate, &error.to_string()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    all.ok().filter(|all| !all.is_empty()).ok_or_else(|| of(path, "no certificate can be read from it"))
}

fn of(path: &Path, error: &str) -> String {
    format!("{}: {error}", path.display())
}
