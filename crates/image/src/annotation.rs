//! Annotation and label keys.

/// The manifest digest of the image whose layers this image begins with (OCI image-spec,
/// annotations).
pub const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";
/// The full name of that image (OCI image-spec, annotations).
pub const BASE_NAME: &str = "org.opencontainers.image.base.name";
/// When the image was made, in RFC 3339 (OCI image-spec, annotations).
pub const CREATED: &str = "org.opencontainers.image.created";
/// In the index of a layout: the tag (OCI image-spec, image-layout).
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// In the index of an archive: the full name, as containerd and Docker's containerd store read it.
pub const CONTAINERD_NAME: &str = "io.containerd.image.name";
