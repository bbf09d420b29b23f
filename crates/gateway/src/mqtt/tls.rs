//! The TLS side of a connection, from PEM files.

use super::MqttError;
use crate::secure::Secure;
use std::{path::Path, sync::Arc};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

/// Reads the certificates.
pub(super) fn client(secure: &Secure) -> Result<Arc<ClientConfig>, MqttError> {
    let tls = |error: tokio_rustls::rustls::Error| MqttError::Tls(error.to_string());
    let roots = roots(secure.ca.as_deref())?;
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(tls)?
        .with_root_certificates(roots);
    let config = match &secure.own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(|error| pem(key, &error))?;
            builder.with_client_auth_cert(chain, key).map_err(tls)?
        }
    };
    Ok(Arc::new(config))
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, MqttError> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| MqttError::Pem(path.to_owned(), error.to_string()))?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            let (good, _) = roots.add_parsable_certificates(found.certs);
            if good == 0 {
                return Err(MqttError::Tls("this machine trusts nobody: name a `ca`".to_owned()));
            }
        }
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, MqttError> {
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match all.map_err(|error| pem(path, &error))? {
        none if none.is_empty() => Err(MqttError::Pem(path.to_owned(), "no certificate in it".to_owned())),
        all => Ok(all),
    }
}

/// Says what kind of thing is wrong, never what stands in the file.
fn pem(path: &Path, error: &tokio_rustls::rustls::pki_types::pem::Error) -> MqttError {
    use tokio_rustls::rustls::pki_types::pem::Error;
    let what = match error {
        Error::Io(error) => error.to_string(),
        Error::NoItemsFound => "nothing of the expected kind in it".to_owned(),
        _ => "not a PEM file".to_owned(),
    };
    MqttError::Pem(path.to_owned(), what)
}
