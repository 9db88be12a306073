//! OCI images as values: layers, digests, canonical JSON, layouts and archives.
