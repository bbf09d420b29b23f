//! Certificates of an authority of one's own, for servers and clients that speak TLS.

use std::path::Path;
use std::process::Command;

/// Makes a certificate authority, a certificate for 127.0.0.1 and one for a client, with the `openssl` of the machine.
pub fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let arguments = arguments.split_whitespace().map(|word| word.replace('~', " "));
        let output = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let new = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {new} -keyout ca.key -out ca.pem -days 2 -subj /CN=test~authority"));
    for (name, extension) in [("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")] {
        openssl(&format!("req {new} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        std::fs::write(folder.join(format!("{name}.ext")), extension).unwrap();
        openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out {name}.pem -extfile {name}.ext"
        ));
    }
}
