//! Docker's configuration folder, and engine addresses.

use scratchdbg_docker::{Endpoint, EndpointRequest};

/// `data` is an address, `config.json`, and the `meta.json` of the context `c`, between lines
/// `---`.
pub fn run(data: &[u8]) {
    let [address, config, meta] = super::parts(data);
    let folder = super::folder();
    // SHA-256 of "c".
    let name = "2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6";
    let context = folder.path().join("contexts/meta").join(name);
    std::fs::create_dir_all(&context).unwrap();
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    std::fs::write(context.join("meta.json"), meta).unwrap();
    let config_dir = Some(folder.path().to_owned());
    let by_context =
        EndpointRequest { context: Some("c".to_owned()), config_dir, ..EndpointRequest::default() };
    let by_config = EndpointRequest { context: None, ..by_context.clone() };
    let address = String::from_utf8_lossy(address).into_owned();
    let by_host = EndpointRequest { host: Some(address), ..by_config.clone() };
    for request in
        [by_context, by_config, EndpointRequest { tls_verify: true, ..by_host.clone() }, by_host]
    {
        if let Err(error) = Endpoint::resolve(&request) {
            assert!(!error.to_string().is_empty());
        }
    }
}
